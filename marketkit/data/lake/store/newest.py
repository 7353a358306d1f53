"""The newest candles of many series at once: the ends of series, kept side by side in the index.

A series' end counts only while it was made of the very versions of the files that are there now;
any other is read from its files and kept anew. Whoever writes a series whose end is kept, keeps
the new end with it, so that a cross-section asked for every minute opens no file at all.
"""

from __future__ import annotations

import sys
import zlib
from array import array
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol, cast

import polars as pl

from marketkit.data.lake.format.chunk import Entry, Stamp
from marketkit.data.lake.format.layout import Series, is_chunk
from marketkit.data.lake.store.index import Index
from marketkit.data.lake.store.pending import Patched
from marketkit.data.lake.store.scan import Files, files_of, read_ends
from marketkit.schema import ROW, empty
from marketkit.window import check_count

KEPT = 256  # candles of a series: what a cross-section usually asks for, in 14 kB

_CHECKSUM = 4  # bytes after the columns
_WORD = 8  # bytes of a time or a number
_COLUMNS = tuple(ROW)[1:]  # times and numbers; the symbol is that of the series


class SeriesTail(NamedTuple):
    """The last rows of a series, column by column, and the versions of the files behind."""

    made_of: str
    content: bytes

    @property
    def rows(self) -> int:
        """How many rows these are."""
        return len(self.content) // (_WORD * len(_COLUMNS))


class _Looking(Protocol):
    """The chunks of series, with waiting pages."""

    def look(self, wanted: Sequence[Series]) -> list[list[Entry]]:
        """List the chunks of each series."""


class _LastChunks(NamedTuple):
    """The last chunks of a series, enough for the rows that are asked for."""

    series: Series
    folder: str
    entries: list[Entry]

    @property
    def made_of(self) -> str:
        return made_of((entry.chunk, entry.stamp) for entry in self.entries)

    @property
    def is_plain(self) -> bool:
        """Whether no page waits for any of these chunks."""
        return not any(isinstance(entry, Patched) for entry in self.entries)


def latest(
    root: Path, index: Index, seen: _Looking, chosen: Sequence[Series], count: int
) -> pl.DataFrame:
    """Give the last `count` candles of each series, in the order of the series and of time.

    Raises `InvalidRange` for a count below 1.
    """
    check_count(count)
    looked_up = zip(chosen, seen.look(chosen), strict=True)
    tails = [
        _LastChunks(series, series.folder, _last_chunks(entries, max(count, KEPT)))
        for series, entries in looked_up
    ]
    tails = [tail for tail in tails if tail.entries]
    if count > KEPT:
        return pl.concat([empty(ROW), *_read(root, tails, count)])
    ends = _kept(index, tails)
    waited_for = {tail.folder: end for tail in tails if (end := _with_pages(ends, tail))}
    changed = [tail for tail in tails if tail.folder not in (ends if tail.is_plain else waited_for)]
    if changed:
        frames = zip(changed, _read(root, changed, KEPT), strict=True)
        fresh = {tail.folder: SeriesTail(tail.made_of, _encode(rows)) for tail, rows in frames}
        index.put_ends({each.folder: fresh[each.folder] for each in changed if each.is_plain})
        ends |= fresh
    index.held_ends = {tail.folder: ends[tail.folder] for tail in tails if tail.is_plain}
    ends |= waited_for
    return _side_by_side([(tail.series.symbol, ends[tail.folder]) for tail in tails], count)


def keep(index: Index, series: Series, entry: Entry, rows: pl.DataFrame) -> None:
    """Keep the end of a series anew if one is kept at all and `rows`, just written, suffice.

    `entry` is the chunk that they were written to.
    """
    if rows.height < KEPT:  # the chunk before would be needed, too
        return
    known = index.ends([series.folder]).get(series.folder)
    if known is not None and chunks_of(known[0])[-1] <= entry.chunk:
        index.put_ends(
            {
                series.folder: SeriesTail(
                    made_of([(entry.chunk, entry.stamp)]), _encode(rows.tail(KEPT))
                )
            }
        )


def is_of(made_of: str, content: bytes, root: Path, series: Series) -> bool:
    """Compare the kept end of a series with the files behind.

    Raises `CorruptFile` for files that cannot be read.
    """
    names = chunks_of(made_of)
    if not all(is_chunk(series.timeframe, name) for name in names):
        return False
    paths = [root / series.path(chunk) for chunk in names]
    return content == _encode(read_ends([Files(paths, None)], KEPT)[0])


def made_of(versions: Iterable[tuple[str, Stamp]]) -> str:
    """Spell which versions of which chunks; the newest comes last."""
    return ";".join(f"{chunk} {' '.join(map(str, stamp))}" for chunk, stamp in versions)


def chunks_of(made_of: str) -> list[str]:
    """Name the chunks that `made_of` spells."""
    return [part.partition(" ")[0] for part in made_of.split(";")]


def _last_chunks(entries: Sequence[Entry], count: int) -> list[Entry]:
    """Give the last chunks that hold `count` rows together, or all that there are."""
    last: list[Entry] = []
    for entry in reversed(entries):
        if count <= 0:
            break
        if entry.footer.rows:
            last.append(entry)
            count -= entry.footer.rows
    return last[::-1]


def _kept(index: Index, tails: Sequence[_LastChunks]) -> dict[str, SeriesTail]:
    """Give the kept ends that are as good as the files, of the last answer or of the index."""
    made_of = {tail.folder: tail.made_of for tail in tails}
    held = {
        folder: SeriesTail(*end)
        for folder, end in index.held_ends.items()
        if made_of.get(folder) == end[0]
    }
    others = [tail.folder for tail in tails if tail.folder not in held]
    found = {folder: SeriesTail(*end) for folder, end in index.ends(others).items()}
    return held | {
        folder: end
        for folder, end in found.items()
        if end.made_of == made_of[folder] and _is_whole(end.content)
    }


def _is_of_files(end: SeriesTail | None, tail: _LastChunks) -> bool:
    return end is not None and end.made_of == tail.made_of and _is_whole(end.content)


def _with_pages(ends: Mapping[str, SeriesTail], tail: _LastChunks) -> SeriesTail | None:
    """Give the end of a series with pages behind the kept rows of the files.

    None where no end is kept, or where a page tells of older slots: those have to be read.
    """
    end, last = ends.get(tail.folder), tail.entries[-1]
    if end is None or not isinstance(last, Patched) or not _is_of_files(end, tail):
        return None
    if any(isinstance(each, Patched) for each in tail.entries[:-1]):
        return None
    size, at = end.rows * _WORD, end.content
    newest, parts = int.from_bytes(at[size - _WORD : size], sys.byteorder), []
    for page in last.pages:
        if page.columns is None or any(start <= newest for start, _ in page.covered):
            return None
        parts.append(page.columns)
        newest = max(newest, *(end - 1 for _, end in page.covered))
    columns = []
    for each in range(len(_COLUMNS)):
        own = [_part(page, each) for page in (at[:-_CHECKSUM], *parts)]
        columns.append(b"".join(own)[-KEPT * _WORD :])
    return SeriesTail(tail.made_of, _with_checksum(b"".join(columns)))


def _part(columns: bytes, each: int) -> bytes:
    """Cut one column out of columns of equal length."""
    size = len(columns) // len(_COLUMNS)
    return columns[each * size : (each + 1) * size]


def _read(root: Path, tails: Sequence[_LastChunks], count: int) -> list[pl.DataFrame]:
    """Read the last rows of series from their files."""
    files = [files_of(root, [(tail.series, entry) for entry in tail.entries]) for tail in tails]
    return read_ends(files, count)


def _encode(rows: pl.DataFrame) -> bytes:
    """Lay rows out column by column; a number that is not known is kept as NaN, which none is."""
    times = array("q", rows["time"].to_physical()).tobytes()
    numbers = (array("d", rows[name].fill_null(float("nan"))).tobytes() for name in _COLUMNS[1:])
    return _with_checksum(b"".join((times, *numbers)))


def _with_checksum(columns: bytes) -> bytes:
    return columns + zlib.crc32(columns).to_bytes(_CHECKSUM, "little")


def _is_whole(content: bytes) -> bool:
    return content == _with_checksum(content[:-_CHECKSUM])


def _side_by_side(ends: Sequence[tuple[str, SeriesTail]], count: int) -> pl.DataFrame:
    """Put the ends of series one below the other."""
    views = [memoryview(end.content) for _, end in ends]
    sizes = [end.rows * _WORD for _, end in ends]
    wanted = [min(count * _WORD, size) for size in sizes]
    which = (at.to_bytes(4, sys.byteorder) * (size // _WORD) for at, size in enumerate(wanted))
    symbols = pl.Series("symbol", [symbol for symbol, _ in ends], pl.String())
    columns = [symbols.gather(_column("which", b"".join(which)))]
    for at, name in enumerate(_COLUMNS, start=1):
        parts = [
            view[at * size - part : at * size]
            for view, size, part in zip(views, sizes, wanted, strict=True)
        ]
        columns.append(_column(name, b"".join(parts)).alias(name))
    return pl.DataFrame(columns).with_columns(pl.col("value").fill_nan(None))


def _column(name: str, content: bytes) -> pl.Series:
    """Make a column of the bytes of values, without looking at any."""
    import pyarrow as pa  # noqa: PLC0415 - slow to import, and most programs need none

    kinds = {"which": pa.uint32(), "time": pa.timestamp("ms", tz="UTC")}
    kind = kinds.get(name, pa.float64())
    length = len(content) // (kind.bit_width // 8)
    values = pa.Array.from_buffers(kind, length, [None, pa.py_buffer(content)])
    return cast("pl.Series", pl.from_arrow(values))
