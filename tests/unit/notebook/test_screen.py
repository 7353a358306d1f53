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


def test_where_the_cursor_stays_every_drawing_does(monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr(sys, "stdout", Terminal())
    place = screen(5.0)
    place.draw(drawing(1))
    place.draw(drawing(1))
    assert sys.stdout.getvalue() == "n\n─\n0\n" * 2
    assert place.every == 5.0


def test_a_korean_console_is_drawn_in_and_a_closed_output_is_not(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="cp949"))
    screen(5.0).draw(of_rows(("name",), [("비트코인 é",)]))
    assert raw.getvalue().decode("cp949") == "name\n----------\n비트코인 ?\n"
    monkeypatch.setattr(sys, "stdout", None)
    screen(5.0).draw(drawing(1))
