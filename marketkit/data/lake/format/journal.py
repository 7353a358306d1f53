"""Pages on their way into chunks: records of one series, in a file that only grows.

`journal/source=upbit/timeframe=1min/KRW-BTC.log`: 16 random bytes that name this file, then records
one after the other. A record is a page for one chunk and proves itself: its words (the chunk, its
number in the file, the slots that it tells of, when it was answered) and its rows, each with a
checksum, and how many records were down before it was written. Whatever record is sound counts,
whether or not those that were down before it are.

What a writer that died left at the end is no record, and cut off by the next: a power cut may leave
any parts of the last write, of which nobody was told. A chunk says in its footer which journal it
has last taken in and how far, so that no record is ever merged twice.
"""

from __future__ import annotations

import json
import re
import struct
import zlib
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from math import isnan
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from marketkit.coverage import Spans
from marketkit.data.lake.format.layout import Series, chunk_span, is_chunk
from marketkit.data.lake.format.nonsense import NONSENSE, is_moment
from marketkit.schema import ROW, TIME
from marketkit.symbols import file_name

FOLDER = "journal"
SUFFIX = ".log"
NAME = 16  # bytes at the beginning: the name of this file, as no other ever had
NUMBERS = tuple(ROW)[2:]

_MAGIC = b"\xf5mkj"  # no text has the first byte
_HEAD = struct.Struct("<4sIIII")  # mark, bytes of words and of rows, CRC-32 of rows and of the rest
_UNKNOWN = float("nan")
_WORD = 8  # bytes of a time or a number
_LONGEST = 1 << 26  # bytes of words or of rows: no page has so many
_HEX = re.compile(r"[0-9a-f]{32}")


Change = tuple[int, str, float | None, float | None]


class Mark(NamedTuple):
    """The journal that a chunk took in last, and the number of the last record in the chunk."""

    name: str
    number: int


@dataclass(frozen=True, slots=True)
class Record:
    """A page for one chunk, with the number in the journal of a name; times in ms UTC.

    `covered` are the slots that it tells of, answered at `seen_at`, `revised` the numbers that were
    known and are not the same any more: time, column, old, new. `total`, `first` and `last` are of
    all rows of the chunk from here on. `columns` are its own rows as bytes, None where they rotted:
    then nobody knows what is in `covered`. `down` is the number of the last record that was on disk
    before this was written; earlier releases do not say so, and each of their records was alone.
    """

    journal: str
    number: int
    chunk: str
    covered: Spans
    seen_at: int
    total: int
    first: int | None
    last: int | None
    revised: tuple[Change, ...]
    columns: bytes | None
    down: int | None = None

    @property
    def height(self) -> int:
        """How many rows the page has."""
        return len(self.columns or b"") // (_WORD * (1 + len(NUMBERS)))

    def is_in(self, mark: Mark | None) -> bool:
        """Say whether a chunk with this mark has taken the page in."""
        return mark is not None and mark.name == self.journal and self.number <= mark.number

    def rows(self, symbol: str) -> pl.DataFrame:
        """Give the rows of the page. A record of rotten rows has none."""
        return rows_of(self.columns or b"", symbol)


class Journal(NamedTuple):
    """A journal as one look found all: the name, the sound records, and their end.

    `rotten` tells of each place in between that is no record any more. `tail` is what lies behind
    the last record, `torn` whether that is merely a beginning, as a writer that died leaves it.
    """

    name: bytes
    records: tuple[Record, ...]
    end: int
    rotten: tuple[str, ...] = ()
    tail: int = 0
    torn: bool = True

    @property
    def last(self) -> int:
        """The number of the last record."""
        return self.records[-1].number if self.records else 0

    def after(self, mark: Mark | None, chunk: str) -> list[Record]:
        """Give the records of a chunk behind the one that `mark` names."""
        return [each for each in self.records if each.chunk == chunk and not each.is_in(mark)]


def folder_of(series: Series) -> str:
    """Give the folder of the journals of a series' source and timeframe, below the root."""
    return f"{FOLDER}/source={series.source}/timeframe={series.timeframe.token}"


@lru_cache(maxsize=4096)  # a path that lives also keeps its parts in Python's table of strings
def path_of(root: Path, series: Series) -> Path:
    """Give the journal of a series."""
    return root / folder_of(series) / f"{file_name(series.symbol)}{SUFFIX}"


def columns_of(rows: pl.DataFrame) -> bytes:
    """Lay rows out column by column; a number that is not known is kept as NaN, which none is."""
    lists = [rows[name].to_list() for name in NUMBERS]
    if rows["value"].null_count():
        lists[-1] = [_UNKNOWN if each is None else each for each in lists[-1]]
    times = array("q", rows["time"].to_physical().to_list())
    return b"".join((times.tobytes(), *(array("d", each).tobytes() for each in lists)))


def rows_of(columns: bytes, symbol: str) -> pl.DataFrame:
    """Read rows that `columns_of` laid out; no query, which would wait for threads."""
    count = len(columns) // (_WORD * (1 + len(NUMBERS)))
    parts = [memoryview(columns)[at * count * _WORD :][: count * _WORD] for at in range(7)]
    numbers = [
        pl.Series(name, each.cast("d"), pl.Float64)
        for name, each in zip(NUMBERS, parts[1:], strict=True)
    ]
    if numbers[-1].is_nan().any():
        known = [None if isnan(each) else each for each in numbers[-1]]
        numbers[-1] = pl.Series("value", known, pl.Float64)
    times = pl.Series("time", parts[0].cast("q"), pl.Int64).cast(TIME)
    return pl.DataFrame([pl.Series("symbol", [symbol] * count, pl.String()), times, *numbers])


def encode(series: Series, record: Record) -> bytes:
    """Give the bytes of a record."""
    columns = record.columns or b""
    said = {
        "symbol": series.symbol,
        "timeframe": series.timeframe.name,
        "journal": record.journal,
        "number": record.number,
        "chunk": record.chunk,
        "covered": [list(span) for span in record.covered],
        "seen_at": record.seen_at,
        "total": record.total,
        "first": record.first,
        "last": record.last,
        "revised": record.revised,
        "down": record.down,
    }
    words = json.dumps(said, separators=(",", ":")).encode()
    sizes = len(words), len(columns), zlib.crc32(columns)
    return _HEAD.pack(_MAGIC, *sizes, _checksum(*sizes, words)) + words + columns


def parse(content: bytes, series: Series) -> Journal:
    """Read a journal from the bytes; one without a whole name has no records."""
    name, at = content[:NAME], NAME
    records, rotten = list[Record](), list[str]()
    while at < len(content):
        found = _record_at(content, at, series)
        if found is None or found[0].columns is None:
            last = records[-1].number if records else 0
            following = _next(content, at + 1, series)
            if following is None or not _was_down(content, at, series, last):
                break
            if found is None:
                rotten.append(f"bytes {at} to {following[0]} are no record")
                at = following[0]
                continue
            rotten.append(f"the rows of record {found[0].number} are not those that were written")
        records.append(found[0])
        at = found[1]
    if any(each.journal != name.hex() for each in records):
        rotten.append(f"the first {NAME} bytes do not name it")
    tail = len(content) - at
    return Journal(name, tuple(records), at, tuple(rotten), tail, _is_torn(content, at))


def mark_of(said: object) -> Mark | None:
    """Read the mark of a journal in a footer. Raises `ValueError` for any other word."""
    match said:
        case None:
            return None
        case [str(name), int(number)] if _HEX.fullmatch(name) and is_moment(number):
            return Mark(name, number)
    raise ValueError(f"{said!r:.80} names no journal")


def _record_at(content: bytes, at: int, series: Series) -> tuple[Record, int] | None:
    """Read the record at a byte, and the byte of the end; None where none begins."""
    if len(content) - at < _HEAD.size:
        return None
    magic, words, columns, of_rows, of_words = _HEAD.unpack_from(content, at)
    start = at + _HEAD.size
    if magic != _MAGIC or max(words, columns) > _LONGEST:
        return None
    said, end = content[start : start + words], start + words + columns
    if _checksum(words, columns, of_rows, said) != of_words:
        return None
    try:
        record = _understood(json.loads(said), series)
    except NONSENSE:
        return None
    rows = content[start + words : end]
    sound = len(rows) == columns and zlib.crc32(rows) == of_rows
    return replace(record, columns=rows if sound else None), end


def _understood(said: dict[str, Any], series: Series) -> Record:
    """Give the words of a record, without rows. Raises for words of no writer of the series."""
    chunk, numbers = said["chunk"], [said[name] for name in ("number", "seen_at", "total")]
    down = said.get("down")
    if (said["symbol"], said["timeframe"]) != (series.symbol, series.timeframe.name):
        raise ValueError("a record of another series")
    ends = said["first"], said["last"]
    if not all(map(is_moment, numbers)) or not all(
        x is None or is_moment(x) for x in (*ends, down)
    ):
        raise ValueError(f"{numbers}, {ends} and {down} are no numbers of a record")
    covered = Spans((int(start), int(end)) for start, end in said["covered"])
    if (
        not is_chunk(series.timeframe, chunk)
        or covered.clip(*chunk_span(series.timeframe, chunk)) != covered
    ):
        raise ValueError(f"{chunk!r} is no chunk of what the record covers")
    revised = tuple(_change(*each) for each in said["revised"])
    (number, seen_at, total), journal = numbers, said["journal"]
    if not _HEX.fullmatch(journal):
        raise ValueError(f"{journal!r} names no journal")
    return Record(journal, number, chunk, covered, seen_at, total, *ends, revised, None, down)


def _change(time: object, column: object, old: object, new: object) -> Change:
    if not is_moment(time) or column not in NUMBERS:
        raise ValueError(f"{time!r} {column!r} is no number of a candle")
    was, now = (None if each is None else float(each) for each in (old, new))  # type: ignore[arg-type]
    return time, column, was, now  # type: ignore[return-value]


def _was_down(content: bytes, at: int, series: Series, last: int) -> bool:
    """Say whether a sound record behind a damaged one, which follows the last, was written later.

    Else all of that is one write, which a power cut may leave any parts of.
    """
    while (found := _next(content, at + 1, series)) is not None:
        at, record = found
        if last < (record.number - 1 if record.down is None else record.down):
            return True
    return False


def _next(content: bytes, at: int, series: Series) -> tuple[int, Record] | None:
    """Find the next byte at which a sound record begins, and that record."""
    for place in _places(content, at):
        if (found := _record_at(content, place, series)) is None:
            continue
        if found[0].columns is not None:
            return place, found[0]
    return None


def _places(content: bytes, at: int) -> Iterator[int]:
    while (at := content.find(_MAGIC, at)) >= 0:
        yield at
        at += 1


def _is_torn(content: bytes, at: int) -> bool:
    """Say whether the rest is a part of a record only, or nothing at all."""
    rest = len(content) - at
    if rest < _HEAD.size:
        return True
    magic, words, columns, _, _ = _HEAD.unpack_from(content, at)
    return bool(magic == _MAGIC and rest < _HEAD.size + words + columns)


def _checksum(words: int, columns: int, of_rows: int, said: bytes) -> int:
    return zlib.crc32(said, zlib.crc32(struct.pack("<III", words, columns, of_rows)))
