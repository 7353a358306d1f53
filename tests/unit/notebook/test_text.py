"""Text is measured in columns of a terminal, where Korean letters take two."""

from __future__ import annotations

import io
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketkit.notebook import text
from marketkit.notebook.text import Room

WORDS = st.text(st.sampled_from("ab _/비코é"), max_size=30)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        """Say so."""
        return True


@pytest.mark.parametrize(
    ("word", "columns"),
    [
        ("BTC", 3),
        ("비트코인", 8),
        (unicodedata.normalize("NFD", "비트코인"), 8),
        ("é", 1),
        ("e\u0301", 1),
        ("币安", 4),
    ],
)
def test_a_letter_has_the_width_that_a_terminal_gives_it(word, columns):
    assert text.width(word) == columns


@given(WORDS, st.integers(2, 20))
def test_a_cut_text_fits_and_says_that_it_was_cut(word, most):
    cut = text.clip(word, most)
    assert text.width(cut) <= most
    assert cut == word if text.width(word) <= most else cut.endswith("…")


@given(WORDS, st.integers(2, 20))
def test_lines_fit_and_lose_nothing_but_spaces(word, most):
    lines = text.wrap(word, most)
    fit = (line for line in lines if not text._PATH.search(line))  # which stays whole
    assert all(text.width(line) <= most for line in fit)
    assert "".join(lines).replace(" ", "") == word.replace(" ", "")


def test_a_text_is_filled_up_on_either_side():
    assert text.pad("비트", 6) == "비트  "
    assert text.pad("비트", 6, right=True) == "  비트"


def test_colours_are_for_those_who_see_them():
    assert text.paint("+1", "up", colors=True) == "\x1b[31m+1\x1b[0m"
    assert text.paint("+1", "up", colors=False) == text.paint("+1", "", colors=True) == "+1"


def test_a_pipe_has_all_the_room_unless_it_is_said(monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    assert text.room(io.StringIO()) == Room()
    monkeypatch.setenv("COLUMNS", "80")
    assert text.room(io.StringIO()) == Room(80)


def test_a_terminal_has_its_own_room_and_colours_unless_they_are_not_wanted(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "24")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert text.room(Terminal()) == Room(80, 24, colors=True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert text.room(Terminal()) == Room(80, 24)


def test_a_terminal_without_a_cursor_has_no_colours_either(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "24")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "dumb")
    assert text.room(Terminal()) == Room(80, 24)


def test_a_place_has_the_letters_of_its_stream(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    stream = io.TextIOWrapper(io.BytesIO(), encoding="cp949")
    assert text.room(stream) == Room(80, encoding="cp949")
