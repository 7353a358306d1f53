"""Text of candles, in any encoding, with any separator and lines above the header."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

import polars as pl

from marketkit.data.lake.transfer.sources.columns import Given, is_header
from marketkit.data.lake.transfer.sources.encodings import in_utf8
from marketkit.errors import InputError

_SIGNS = (",", "\t", ";", "|")
_HEAD = 1 << 16  # bytes in which a header is looked for
_LINES = 20  # lines above a header: more than any program writes
_COMMENT = "#"
_ODD = (b'"', b"#")  # with one of these a line may be more or less than a row


@dataclass(frozen=True, slots=True)
class Text:
    """The rows of a text below the names of the columns, in UTF-8 and not taken apart.

    `lines` is how many there are, and `even` whether each must be a row.
    """

    names: tuple[str, ...]
    sign: str
    rows: bytes
    lines: int
    even: bool

    @property
    def layout(self) -> object:
        """The names and the sign: texts of one layout can be taken apart together."""
        return self.names, self.sign


class _Header(NamedTuple):
    """A line that may name the columns: the end, the sign between names, and the names."""

    end: int
    sign: str
    names: list[str]


def open_text(content: bytes, encoding: str | None, given: Given) -> Text:
    """Find the header of a text, the first line that names columns of candles, and the rows below.

    Raises `InputError` without the path.
    """
    content = in_utf8(content, encoding)
    header = _header(content, given)
    rows = content[header.end :]
    if rows and not rows.endswith(b"\n"):
        rows += b"\n"
    even = not any(sign in rows for sign in _ODD)
    return Text(tuple(header.names), header.sign, rows, rows.count(b"\n"), even)


def take_apart(texts: Sequence[Text]) -> pl.DataFrame:
    """Give the cells of texts of one layout as strings, null where empty; blank lines are no rows.

    Raises `InputError` without the path.
    """
    names, sign = texts[0].names, texts[0].sign
    # The reader counts columns in the first line, and the rows there may be short.
    numbers = sign.join(map(str, range(len(names)))).encode()
    rows = b"".join([numbers, b"\n", *(text.rows for text in texts)])
    try:
        frame = pl.read_csv(rows, separator=sign, infer_schema=False, comment_prefix=_COMMENT)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise InputError(_ragged(rows, sign, len(names))) from error
    frame.columns = _unique(names)
    return without_blanks(_without_headers(frame, names))


def without_blanks(frame: pl.DataFrame) -> pl.DataFrame:
    """Leave out rows, as of blank lines, in which no cell says anything."""
    if frame.width and all(column.null_count() for column in frame):
        return frame.filter(pl.any_horizontal(pl.all().is_not_null()))
    return frame


def _without_headers(frame: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Leave out the headers of files that somebody put behind one another."""
    columns = frame.get_columns()
    again = columns[0] == names[0]
    if not names[0] or not again.any():
        return frame
    for column, name in zip(columns[1:], names[1:], strict=True):
        again &= column.fill_null("") == name
    return frame.filter(~again.fill_null(value=False))


def _header(content: bytes, given: Given) -> _Header:
    """Find the header: the first line that names columns, commented out only if no other does."""
    commented: _Header | None = None
    first: _Header | None = None
    for end, line in _lines(content):
        header = _Header(end, *_split(line, given))
        if is_header(header.names, given):
            if not line.startswith(_COMMENT):
                return header
            commented = commented or header
        elif first is None and not line.startswith(_COMMENT):
            first = header
    found = commented or first
    if found is None:
        raise InputError("has no rows")
    return found


def _split(line: str, given: Given) -> tuple[str, list[str]]:
    """Give the sign between the cells of a line, and the cells."""
    likely = max(_SIGNS, key=line.count)
    cells = _cells(line, likely)
    if is_header(cells, given):
        return likely, cells
    other = next((sign for sign in _SIGNS if is_header(_cells(line, sign), given)), likely)
    return other, _cells(line, other)


def _lines(content: bytes) -> Iterator[tuple[int, str]]:
    """Give the first lines that say anything, with where each ends."""
    at = 0
    for _ in range(_LINES):
        end = content.find(b"\n", at, at + _HEAD)
        end = len(content) if end < 0 else end + 1
        line = content[at : min(end, at + _HEAD)].decode(errors="replace").strip("\r\n")
        if line.strip():
            yield end, line
        at = end


def _cells(line: str, sign: str) -> list[str]:
    cells = next(csv.reader([line.lstrip(_COMMENT)], delimiter=sign), [])
    return [cell.strip() for cell in cells]


def _unique(names: Sequence[str]) -> list[str]:
    """Tell columns of one name apart."""
    found: list[str] = []
    for name in names:
        times = names[: len(found)].count(name)
        found.append(f"{name} ({times + 1})" if times else name)
    return found


def _ragged(rows: bytes, sign: str, width: int) -> str:
    """Say which row has more cells than the header."""
    text = rows.decode(errors="replace").splitlines()
    with suppress(csv.Error):  # a cell without end
        for row, cells in enumerate(csv.reader(text, delimiter=sign)):
            if len(cells) > width:
                told = f"row {row} has {len(cells)} cells, and the header {width}"
                hint = ": are decimals written with a comma? write them with a point"
                return told + hint if sign == "," else told
    return "cannot be read: its cells do not make rows (is a quotation mark left open?)"
