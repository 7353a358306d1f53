"""Files of candles into tables of one shape, many small files together.

A file is unpacked and its header is found alone; its cells and what they mean are found for all
files of one layout at once. So a folder of days costs about what one file of the same rows does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import polars as pl

from marketkit.coverage import Span
from marketkit.data.lake.transfer.source_table import SourceTable
from marketkit.data.lake.transfer.sources.answers import read_json
from marketkit.data.lake.transfer.sources.columnar import read_arrow, read_parquet
from marketkit.data.lake.transfer.sources.containers import unpack
from marketkit.data.lake.transfer.sources.markets import market_in, market_of
from marketkit.data.lake.transfer.sources.paths import Paths, files_of, kind_of, period_in, stem_of
from marketkit.data.lake.transfer.sources.rows import Reading, names_of, rows_of
from marketkit.data.lake.transfer.sources.sheets import read_sheet
from marketkit.data.lake.transfer.sources.text import Text, open_text, take_apart, without_blanks
from marketkit.errors import InputError

_TOGETHER = 500_000  # rows of small files that are made out at once: some 100 MB of cells


@dataclass(frozen=True, slots=True)
class _Cells:
    """The cells of one file, not made out yet, and with text not taken apart yet."""

    path: Path
    held: pl.DataFrame | Text
    written: int
    period: Span | None
    market: str | None

    @property
    def rows(self) -> int:
        return self.held.lines if isinstance(self.held, Text) else self.held.height

    @property
    def layout(self) -> object:
        return self.held.layout if isinstance(self.held, Text) else self.held.schema

    @property
    def frame(self) -> pl.DataFrame:
        return take_apart([self.held]) if isinstance(self.held, Text) else self.held

    def table(self, rows: pl.DataFrame) -> SourceTable:
        return SourceTable(self.path, rows, self.written, self.period, self.market)


class Preview(NamedTuple):
    """The first rows of a file, and the file's name of each column of ours."""

    path: Path
    names: dict[str, str]
    rows: pl.DataFrame


def read_tables(paths: Paths, reading: Reading) -> Iterator[SourceTable | InputError]:
    """Read files one after another; give the error, which names the file, for a bad one.

    `paths` is a file, a list, a folder or a glob. Raises `InputError` for what means no file, and
    `MissingExtra` for a kind of file that wants another package.
    """
    batch: list[_Cells] = []
    rows = 0
    for path in files_of(paths):
        cells = _opened(path, reading)
        if isinstance(cells, InputError) or not _fits(cells, batch, rows):
            yield from _made_out(batch, reading)
            batch, rows = [], 0
        if isinstance(cells, InputError):
            yield cells
        else:
            batch.append(cells)
            rows += cells.rows
    yield from _made_out(batch, reading)


def preview(paths: Paths, reading: Reading, count: int, symbol: str | None = None) -> Preview:
    """Give the first rows of the first file that can be read, of a market if rows name one.

    Raises the error of the first file where none can.
    """
    fault: InputError | None = None
    for path in files_of(paths):
        cells = _opened(path, reading)
        try:
            if isinstance(cells, InputError):
                raise cells
            frame = cells.frame
            rows = rows_of(frame, reading)
        except InputError as error:
            fault = fault or (error if error is cells else _of_file(path, error))
            continue
        names = names_of(frame, reading)
        if symbol is not None and "symbol" in names:
            rows = rows.filter(pl.col("symbol") == (market_of(symbol) or symbol))
        return Preview(path, names, rows.head(count))
    raise fault or InputError("no files")


def _opened(path: Path, reading: Reading) -> _Cells | InputError:
    """Find the cells of a file, and the words in the name."""
    try:
        name, content = unpack(path)
        held = _held(kind_of(name)[0], content, reading)
        written = path.stat().st_mtime_ns // 1_000_000
    except InputError as error:
        return _of_file(path, error)
    except OSError as error:  # gone meanwhile
        return InputError(f"{path}: cannot be read: {error.strerror or error}")
    stems = stem_of(path.name), stem_of(name)
    period = next(filter(None, map(period_in, stems)), None)
    market = next(filter(None, map(market_in, stems)), None)
    return _Cells(path, held, written, period, market)


def _held(kind: str, content: bytes, reading: Reading) -> pl.DataFrame | Text:
    if kind in {".parquet", ".pq"}:
        frame = read_parquet(content)
    elif kind in {".arrow", ".feather", ".ipc"}:
        frame = read_arrow(content)
    elif kind == ".xlsx":
        frame = read_sheet(content, reading.columns)
    elif kind in {".json", ".jsonl", ".ndjson"}:
        frame = read_json(content, reading.encoding)
    else:
        return open_text(content, reading.encoding, reading.columns)
    return without_blanks(frame)


def _fits(cells: _Cells, batch: Sequence[_Cells], rows: int) -> bool:
    """Say whether a file is made out together with a batch of so many rows."""
    if not batch:
        return True
    return rows + cells.rows <= _TOGETHER and cells.layout == batch[0].layout


def _made_out(batch: Sequence[_Cells], reading: Reading) -> Iterator[SourceTable | InputError]:
    """Make out the rows of files of one layout: together, or each alone where one is bad."""
    if not batch:
        return
    try:
        frame, heights = _together(batch)
        rows = rows_of(frame, reading)
    except InputError as error:
        if len(batch) == 1:
            yield _of_file(batch[0].path, error)
            return
        for cells in batch:
            yield from _made_out([cells], reading)
        return
    at = 0
    for cells, height in zip(batch, heights, strict=True):
        yield cells.table(rows.slice(at, height))
        at += height


def _together(batch: Sequence[_Cells]) -> tuple[pl.DataFrame, list[int]]:
    """Give the cells of files of one layout in one frame, and the height of each."""
    texts = [cells.held for cells in batch if isinstance(cells.held, Text)]
    if texts and all(text.even for text in texts):
        frame, heights = take_apart(texts), [text.lines for text in texts]
        if frame.height == sum(heights):  # else there are blank lines, or headers again
            return frame, heights
    frames = [cells.frame for cells in batch]
    return pl.concat(frames), [frame.height for frame in frames]


def _of_file(path: Path, error: InputError) -> InputError:
    return InputError(f"{path}: {error}")
