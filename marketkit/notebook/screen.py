"""Places where something is drawn again and again: a cell, a terminal, or a file."""

from __future__ import annotations

import sys
from typing import Any, Protocol

from marketkit.notebook.encoding import encoding_of, printable
from marketkit.notebook.job import is_here
from marketkit.notebook.text import Room, room
from marketkit.progress import moves

_IN_CELL = Room(width=100)  # of the plain text beside the HTML, as wide as most programs' windows


class Drawing(Protocol):
    """Something to be drawn; equal ones look alike."""

    def text(self, place: Room | None = None) -> str:
        """Write the picture as text."""

    def html(self) -> str:
        """Write the picture as HTML."""


class Screen(Protocol):
    """A place to draw in; `every` is how many seconds lie between two drawings, at least."""

    every: float

    def draw(self, drawing: Drawing) -> None:
        """Draw in the place of the drawing before, or after it where that stays."""


def screen(as_text: float) -> Screen:
    """Give the screen that a call here has; where drawings stay, one comes every `as_text`."""
    if is_here():
        return _Cell()
    return _Terminal() if moves(sys.stdout) else _Lines(as_text)


class Place:
    """One place in the output of a cell."""

    def __init__(self) -> None:
        from IPython.display import DisplayHandle  # noqa: PLC0415 - only where a cell runs

        self._place: Any = DisplayHandle()  # type: ignore[no-untyped-call]
        self._taken = False

    def put(self, thing: object) -> None:
        """Show an object here, as a notebook does."""
        (self._place.update if self._taken else self._place.display)(thing)
        self._taken = True


class _Cell:
    """The output of a cell."""

    every = 0.25  # as quick as an eye follows a table

    def __init__(self) -> None:
        self._place = Place()

    def draw(self, drawing: Drawing) -> None:
        self._place.put(_InCell(drawing))


class _InCell:
    """A drawing as a notebook asks for it."""

    def __init__(self, drawing: Drawing) -> None:
        self._drawing = drawing

    def __repr__(self) -> str:
        return self._drawing.text(_IN_CELL)

    def _repr_html_(self) -> str:
        return self._drawing.html()


class _Terminal:
    """The lines above a terminal's cursor; what there is no room for is left out."""

    every = 0.5

    def __init__(self) -> None:
        self._lines = 0

    def draw(self, drawing: Drawing) -> None:
        there = room()
        lines = drawing.text(there).splitlines()[: there.height - 1]
        back = f"\x1b[{self._lines}A\x1b[J" if self._lines else ""
        self._lines = len(lines)
        _write(back + "".join(f"{line}\n" for line in lines))


class _Lines:
    """A file or a pipe, where every drawing stays."""

    def __init__(self, every: float) -> None:
        self.every = every

    def draw(self, drawing: Drawing) -> None:
        _write(f"{drawing.text()}\n")


def _write(text: str) -> None:
    if sys.stdout is not None:  # closed before the start
        sys.stdout.write(printable(text, encoding_of(sys.stdout)))
        sys.stdout.flush()
