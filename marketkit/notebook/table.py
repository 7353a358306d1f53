"""Tables of frames and of values, as text that fits the room there is and as HTML."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from marketkit.errors import plain
from marketkit.notebook import grid, words
from marketkit.notebook.encoding import printable
from marketkit.notebook.grid import Column
from marketkit.notebook.text import Room, clip, pad, room, wrap
from marketkit.notebook.values import values_of
from marketkit.notebook.words import Tone

ROWS = 40  # a screen's worth

_LONG = 60  # letters of a line in HTML, beyond which a text is broken
_NUMBER = 14  # columns of most prices and amounts
_FEW = 3  # rows that are rather written as columns than without the last of theirs
_LEFT_OUT = "…"
_CHANGE = "signed_change_rate"
_FIRST = ("symbol", "korean_name", "price", _CHANGE, "value_24h", "time")
_NAMES = {_CHANGE: "change %"}
# Both can be read on white and on black. As in Korea, red is up and blue is down.
_COLORS: Mapping[Tone, str] = {"up": "color:#e5484d;", "down": "color:#3a7be8;", "": ""}
_TABLE = (
    "border-collapse:collapse;margin:0 0 .5em;background:none;color:inherit;"
    "font-variant-numeric:tabular-nums"
)
_EDGE = "border:0;border-bottom:1px solid rgba(128,128,128,.5);"


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of the same height; `note` says how many rows of the frame are not among these."""

    columns: tuple[Column, ...]
    note: str = ""

    @property
    def height(self) -> int:
        """The number of rows."""
        return len(self.columns[0].cells) if self.columns else 0

    def text(self, place: Room | None = None) -> str:
        """Write the table for a place, by default the one that stdout is.

        Long texts are broken into lines first; a few rows are then written as columns, and of many
        the last columns are left out and named.
        """
        there = room() if place is None else place
        columns = [each.printable(there.encoding) for each in self.columns]
        kept = grid.fitting(columns, there.width)
        turned = grid.turned(columns) if 0 < self.height <= _FEW else []
        if kept < len(columns) and grid.fitting(turned, there.width) == 1 + self.height:
            lines = grid.lines(turned, there)
        else:
            lines = grid.lines(columns[:kept], there)
            left_out = ", ".join(column.name for column in columns[kept:])
            lines += wrap(f"no room for {left_out}", there.width) if left_out else []
        lines += [clip(self.note, there.width)] if self.note else []
        return printable("\n".join(lines), there.encoding)

    def html(self) -> str:
        """Write the table as HTML, in the colours of the page around."""
        head = "".join(_cell("th", each.name, each, _EDGE) for each in self.columns)
        rows = "".join(f"<tr>{self._row(row)}</tr>" for row in range(self.height))
        note = f"<div style='opacity:.7'>{html.escape(self.note)}</div>" if self.note else ""
        return (
            f"<div style='overflow-x:auto'><table style='{_TABLE}'><thead><tr>{head}</tr></thead>"
            f"<tbody>{rows}</tbody></table>{note}</div>"
        )

    def _row(self, row: int) -> str:
        return "".join(
            _cell("td", each.cells[row], each, f"border:0;{_COLORS[each.tone(row)]}")
            for each in self.columns
        )


def table(frame: Any, most: int = ROWS) -> Table:
    """Make the table of a Polars, pandas or Arrow frame: at most so many rows, of both ends.

    The change in percent is among the first columns, and the time zone stands above the times.
    """
    height, values = values_of(frame, most)
    cut = height > most
    columns = tuple(_column(name, values[name], cut=cut) for name in _order(values))
    if not height or not columns:
        return Table(columns, "no rows" if columns else "no columns")
    return Table(columns, f"{height - most:,} of {height:,} rows are left out" if cut else "")


def of_rows(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> Table:
    """Make a table of rows of values."""
    cells = list(zip(*rows, strict=True)) if rows else [() for _ in names]
    return Table(tuple(map(_column, names, cells)))


def line(row: Mapping[str, Any]) -> str:
    """Write a row of a stream as one line, in which rows of the same stream stand below others."""
    fields = []
    for name, value in row.items():
        number = _is_number(value)
        fields.append(pad(plain(words.field(name, value)), _NUMBER if number else 0, right=number))
    return "  ".join(fields)


def _order(names: Mapping[str, object]) -> list[str]:
    """Give the names in the order that people read in."""
    if _CHANGE not in names:
        return list(names)
    first = [name for name in _FIRST if name in names]
    return [*first, *(name for name in names if name not in first)]


def _column(name: str, values: Sequence[Any], *, cut: bool = False) -> Column:
    """Write the values of a column; `cut` puts a sign into the middle, where rows are left out."""
    known = [each for each in values if not words.is_missing(each)]
    title, texts = _written(name, values, known)
    cells, tones = list(map(plain, texts)), list[Tone]()
    numbers = bool(known) and all(map(_is_number, known))
    if numbers and name.startswith("signed_change"):
        tones = [words.tone(each) for each in values]
    if cut:
        middle = (len(cells) + 1) // 2
        cells.insert(middle, _LEFT_OUT)
        tones[middle:middle] = [""] if tones else []
    whole = numbers or all(isinstance(each, datetime) for each in known)
    return Column(plain(title), tuple(cells), numbers, tuple(tones), whole=whole)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _written(name: str, values: Sequence[Any], known: Sequence[Any]) -> tuple[str, list[str]]:
    """Give the title and the cells of a column."""
    title = _NAMES.get(name, name)
    if known and all(isinstance(each, datetime) for each in known):
        zone, texts = words.moments(values)
        return f"{title} ({zone})" if zone else title, texts
    if name.endswith("_rate") and all(map(_is_number, known)):
        signed = name == _CHANGE
        title = _NAMES.get(name, f"{name.removesuffix('_rate')} %")
        return title, [_percent(each, signed=signed) for each in values]
    return title, [words.cell(name, each) for each in values]


def _percent(rate: Any, *, signed: bool) -> str:
    return words.NOTHING if words.is_missing(rate) else words.percent(float(rate), signed=signed)


def _cell(tag: str, text: str, column: Column, style: str) -> str:
    side = "right" if column.right else "left"
    space = "nowrap" if column.natural <= _LONG else "pre-wrap"
    look = f"text-align:{side};white-space:{space};padding:.1em .7em;{style}"
    return f"<{tag} style='{look}'>{html.escape(text)}</{tag}>"
