"""Consent is given in a terminal, by the variable, or has been given before."""

from __future__ import annotations

import io
import json

import pytest

from marketkit.errors import InputError
from marketkit.net.archive import terms
from marketkit.net.archive.terms import check_consent, consent, is_accepted, remembered_at


class Terminal(io.StringIO):
    """Text that says to be a terminal."""

    def isatty(self) -> bool:
        """Say yes."""
        return True


def test_a_yes_is_remembered_and_not_asked_for_again():
    shown = Terminal()
    consent(Terminal("Yes\n"), shown)
    assert "personal and non-commercial use only" in shown.getvalue()
    assert is_accepted()
    again = Terminal()
    consent(Terminal(), again)
    assert again.getvalue() == ""
    check_consent()


@pytest.mark.parametrize("answer", ["", "no\n", "n\n", "accepted\n"])
def test_what_is_no_yes_is_a_no(answer):
    with pytest.raises(InputError, match="not accepted"):
        consent(Terminal(answer), Terminal())
    assert not is_accepted()


def test_without_a_terminal_nobody_is_asked():
    for ask, tell in ((io.StringIO("yes\n"), Terminal()), (Terminal("yes\n"), io.StringIO())):
        with pytest.raises(InputError, match="to download is to consent"):
            consent(ask, tell)
    closed = Terminal()
    closed.close()
    with pytest.raises(InputError):
        consent(io.StringIO(), closed)


def test_other_terms_are_shown_anew(monkeypatch):
    consent(Terminal("y\n"), Terminal())
    monkeypatch.setattr(terms, "TERMS", "others")
    assert not is_accepted()


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"accepted": true}', "[" * 9000])
def test_a_file_that_is_damaged_remembers_nothing(text):
    consent(Terminal("y\n"), Terminal())
    assert json.loads(remembered_at().read_text())["at"].endswith("Z")
    remembered_at().write_text(text)
    assert not is_accepted()


def test_a_folder_that_cannot_be_written_is_warned_of_and_the_answer_holds(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MARKETKIT_SETTINGS", str(tmp_path / "file" / "folder"))
    with pytest.warns(UserWarning, match="the terms will be shown again"):
        consent(Terminal("yes\n"), Terminal())


def test_the_variable_accepts_and_nothing_else_does(monkeypatch):
    monkeypatch.setenv(terms.VARIABLE, " Accepted ")
    check_consent()
    monkeypatch.setenv(terms.VARIABLE, "1")
    with pytest.raises(InputError, match="the only value is 'accepted'"):
        check_consent()
