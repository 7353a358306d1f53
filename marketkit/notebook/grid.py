"""Columns of text set beside each other in the room there is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from marketkit.notebook.encoding import has_all, printable
from marketkit.notebook.text import Room, longest, pad, paint, width, wrap, wrap_name
from marketkit.notebook.words import Tone

_GAP = "  "
_TEXT = 16  # columns in which a text that is broken into lines can still be read


class Column(NamedTuple):
    """One column of a table: the name above, the cells, and the side to stand on.

    A `whole` cell is never broken into lines.
    """

    name: str
    cells: tuple[str, ...]
    right: bool = False
    tones: tuple[Tone, ...] = ()
    whole: bool = False

    @property
    def natural(self) -> int:
        """The width in which nothing is broken."""
        return max(map(width, (self.name, *self.cells)))

    @property
    def least(self) -> int:
        """The width below which the column cannot be read."""
        cells = max(map(width, self.cells), default=0)
        return max(longest(self.name), cells if self.whole else min(cells, _TEXT))

    def printable(self, encoding: str) -> Column:
        """Give the same column in letters of an encoding, before anything is measured."""
        if has_all(encoding):
            return self
        cells = tuple(printable(each, encoding) for each in self.cells)
        return self._replace(name=printable(self.name, encoding), cells=cells)

    def tone(self, row: int) -> Tone:
        """Give the tone of a cell."""
        return self.tones[row] if self.tones else ""


def fitting(columns: Sequence[Column], most: int) -> int:
    """Count how many of the first columns there is room for; at least one."""
    least = [each.least for each in columns]
    counts = range(len(columns), 1, -1)
    return next((count for count in counts if _total(least[:count]) <= most), min(1, len(columns)))


def turned(columns: Sequence[Column]) -> list[Column]:
    """Make columns of the rows, behind a column of the names."""
    height = len(columns[0].cells)
    rows = [
        Column(
            "",
            tuple(each.cells[row] for each in columns),
            right=True,
            tones=tuple(each.tone(row) for each in columns),
        )
        for row in range(height)
    ]
    return [Column("", tuple(each.name for each in columns)), *rows]


def lines(columns: Sequence[Column], there: Room) -> list[str]:
    """Write columns that there is room for; names, if there are any, stand over a line."""
    if not columns:
        return []
    widths = _widths(columns, there.width)
    written = list(_head(columns, widths)) if any(each.name for each in columns) else []
    for row in range(len(columns[0].cells)):
        cells = [
            [each.cells[row]] if each.whole else wrap(each.cells[row], most)
            for each, most in zip(columns, widths, strict=True)
        ]
        tones = [each.tone(row) for each in columns]
        written += _side_by_side(columns, widths, cells, tones, colors=there.colors)
    return written


def _widths(columns: Sequence[Column], most: int) -> list[int]:
    """Give each column the natural width, or less as far as there must and can be."""
    widths = [each.natural for each in columns]
    least = [each.least for each in columns]
    while _total(widths) > most and widths != least:
        # The widest gives way, as far as to the next: all long texts end up about as wide.
        at = max(range(len(widths)), key=lambda each: (widths[each] > least[each], widths[each]))
        others = (each for index, each in enumerate(widths) if index != at)
        next_one = min(max(others, default=0), widths[at] - 1)
        widths[at] = max(least[at], widths[at] - (_total(widths) - most), next_one)
    return widths


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(_GAP) * (len(widths) - 1)


def _head(columns: Sequence[Column], widths: Sequence[int]) -> Iterator[str]:
    names = [wrap_name(each.name, most) for each, most in zip(columns, widths, strict=True)]
    tallest = max(map(len, names))
    low = [[*[""] * (tallest - len(name)), *name] for name in names]
    yield from _side_by_side(columns, widths, low, [""] * len(names), colors=False)
    yield _GAP.join("─" * most for most in widths)


def _side_by_side(
    columns: Sequence[Column],
    widths: Sequence[int],
    cells: Sequence[Sequence[str]],
    tones: Sequence[Tone],
    *,
    colors: bool,
) -> Iterator[str]:
    """Write cells of some lines each beside each other."""
    for line in range(max(map(len, cells))):
        parts = []
        for column, most, cell, tone in zip(columns, widths, cells, tones, strict=True):
            text = pad(cell[line] if line < len(cell) else "", most, right=column.right)
            parts.append(paint(text, tone, colors=colors))
        yield _GAP.join(parts).rstrip()
