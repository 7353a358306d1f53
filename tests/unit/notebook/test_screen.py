"""A drawing takes the place of the one before, where a place can be drawn in again."""

from __future__ import annotations

import io
import sys

from marketkit.notebook.screen import screen
from marketkit.notebook.table import of_rows


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        """Say so."""
        return True


def drawing(rows):
    return of_rows(("n",), [(n,) for n in range(rows)])


def test_in_a_pipe_every_drawing_stays_and_few_come(capsys):
    place = screen(5.0)
    place.draw(drawing(1))
    place.draw(drawing(2))
    assert capsys.readouterr().out == "n\n─\n0\nn\n─\n0\n1\n"
    assert place.every == 5.0


def test_in_a_terminal_the_next_drawing_takes_the_same_lines(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "6")
    monkeypatch.setattr(sys, "stdout", Terminal())
    place = screen(5.0)
    place.draw(drawing(1))
    place.draw(drawing(9))
    first, second = sys.stdout.getvalue().split("\x1b[3A\x1b[J")
    assert first == "n\n─\n0\n"
    assert second == "n\n─\n0\n1\n2\n"
    assert place.every < 1
