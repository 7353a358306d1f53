"""Text of candles, in any encoding, with any separator and lines above the header."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import polars as pl

from marketkit.data.lake.transfer.sources.columns import Given, is_header
from marketkit.errors import InputError, plain

_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_KOREAN = "cp949"  # EUC-KR and what Windows adds to it
_SIGNS = (",", "\t", ";", "|")
_HEAD = 1 << 16  # bytes in which a header is looked for
_LINES = 20  # lines above a header: more than any program writes
_COMMENT = "#"


class _Header(NamedTuple):
    """A line that may name the columns: the end, the sign between names, and the names."""

    end: int
    sign: str
    names: list[str]


def read_csv(content: bytes, encoding: str | None, given: Given) -> pl.DataFrame:
    """Give the cells of a text as strings, null where empty.

    The header is the first line that names columns of candles; what stands above is no matter.
    Raises `InputError` without the path.
    """
    content = in_utf8(content, encoding)
    header = _header(content, given)
    schema = dict.fromkeys(_unique(header.names), pl.String)
    rows = content[header.end :]
    if not rows[:_HEAD].strip() and not rows.strip():
        return pl.DataFrame(schema=schema)
    try:
        frame = pl.read_csv(
            rows,
            has_header=False,
            separator=header.sign,
            schema=schema,
            comment_prefix=_COMMENT,
            missing_columns="insert",  # where the first rows are short
        )
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise InputError(_ragged(rows, header.sign, len(header.names))) from error
    return _without_headers(frame, header.names)


def _without_headers(frame: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Leave out the headers of files that somebody put behind one another."""
    columns = frame.get_columns()
    again = columns[0] == names[0]
    if not names[0] or not again.any():
        return frame
    for column, name in zip(columns[1:], names[1:], strict=True):
        again &= column.fill_null("") == name
    return frame.filter(~again.fill_null(value=False))


def in_utf8(content: bytes, encoding: str | None) -> bytes:
    """Give a text as UTF-8 without a mark, from the encoding that is given or found.

    Raises `InputError` for an unknown encoding, and for bytes that are none of it.
    """
    if encoding is not None:
        try:
            known = codecs.lookup(encoding).name
        except LookupError:
            raise InputError(
                f"unknown encoding={plain(encoding, 40)!r} (one such as utf-8, utf-16, cp949)"
            ) from None
        content = content.removeprefix(codecs.BOM_UTF8) if known == "utf-8" else content
        return _decoded(content, known, given=True)
    mark = next((name for bom, name in _BOMS.items() if content.startswith(bom)), None)
    if mark is None and content.isascii() and b"\0" not in content[:_HEAD]:
        return content
    return _decoded(content, mark or _guess(content), given=False)


def _guess(content: bytes) -> str:
    """Guess an encoding without a mark."""
    head = content[:_HEAD]
    if b"\0" in head:  # every other byte of plain letters, and of no other text
        return "utf-16-be" if head[::2].count(0) > head[1::2].count(0) else "utf-16-le"
    try:
        content.decode()
    except UnicodeDecodeError:
        return _KOREAN
    return "utf-8"


def _decoded(content: bytes, encoding: str, *, given: bool) -> bytes:
    try:
        return content.decode(encoding).encode()
    except (UnicodeError, LookupError, TypeError):
        said = f"is no text in encoding={encoding!r}" if given else "is text in no encoding we know"
        raise InputError(
            f"{said}: say which it is, as in encoding='utf-8' or encoding='cp949'"
        ) from None


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
    for row, cells in enumerate(csv.reader(text, delimiter=sign), 1):
        if len(cells) > width:
            told = f"row {row} has {len(cells)} cells, and the header {width}"
            hint = ": are decimals written with a comma? write them with a point"
            return told + hint if sign == "," else told
    return "cannot be read: its cells do not make rows (is a quotation mark left open?)"
