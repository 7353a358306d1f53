"""The archive's terms: shown at the first use, remembered, and needed without a terminal."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from marketkit.exchange.upbit.archive.terms import TERMS
from marketkit.net.archive.terms import remembered_at

pty = pytest.importorskip("pty", reason="a terminal of a test needs a pseudo terminal")

PROGRAM = "from marketkit.net.archive.terms import consent; consent(); print('consented')"


def in_a_terminal(answer: str) -> tuple[str, int]:
    """Run the program with a terminal at all ends; give all that was shown, and the exit code."""
    mine, its = pty.openpty()
    program = subprocess.Popen([sys.executable, "-c", PROGRAM], stdin=its, stdout=its, stderr=its)
    os.close(its)
    os.write(mine, answer.encode())
    shown = b""
    try:
        while piece := os.read(mine, 4096):
            shown += piece
    except OSError:  # the other end is closed
        pass
    os.close(mine)
    return shown.decode().replace("\r\n", "\n"), program.wait()


def without_a_terminal(**more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM],
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **more},
    )


def test_the_first_use_shows_the_terms_and_a_yes_is_remembered_for_all_processes():
    shown, code = in_a_terminal("yes\n")
    assert code == 0
    assert TERMS in shown
    assert shown.rstrip().endswith("consented")
    assert remembered_at().is_file()
    shown, code = in_a_terminal("")
    assert (shown.strip(), code) == ("consented", 0)
    assert without_a_terminal().stdout == "consented\n"


@pytest.mark.parametrize("answer", ["no\n", "\n", "yes please\n", "\x04"])
def test_any_other_answer_is_a_no_and_the_next_use_asks_again(answer):
    shown, code = in_a_terminal(answer)
    assert code == 1
    assert "were not accepted: nothing is fetched from it" in shown
    assert not remembered_at().exists()


def test_without_a_terminal_the_variable_is_needed():
    refused = without_a_terminal()
    assert refused.returncode == 1
    assert "MARKETKIT_ARCHIVE_TERMS=accepted" in refused.stderr
    assert without_a_terminal(MARKETKIT_ARCHIVE_TERMS="accepted").stdout == "consented\n"
    assert not remembered_at().exists()


def test_a_variable_of_another_value_is_named():
    refused = without_a_terminal(MARKETKIT_ARCHIVE_TERMS="yes")
    assert "MARKETKIT_ARCHIVE_TERMS='yes': the only value is 'accepted'" in refused.stderr
