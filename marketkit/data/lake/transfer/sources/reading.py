"""Files of candles into tables of one shape, many small files together.

A file is unpacked and its cells are found alone; what cells mean is found for all files of one
layout at once, so that a folder of days costs about what one file of the same rows does.
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
from marketkit.data.lake.transfer.sources.markets import market_in
from marketkit.data.lake.transfer.sources.paths import Paths, files_of, kind_of, period_in, stem_of
from marketkit.data.lake.transfer.sources.rows import Reading, names_of, rows_of
from marketkit.data.lake.transfer.sources.sheets import read_sheet
from marketkit.data.lake.transfer.sources.text import read_csv
from marketkit.errors import InputError

_TOGETHER = 500_000  # rows of small files that are made out at once: some 100 MB of cells


@dataclass(frozen=True, slots=True)
class _Cells:
    """The cells of one file, not made out yet."""

    path: Path
    frame: pl.DataFrame
    written: int
    period: Span | None
    market: str | None

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
            rows += cells.frame.height
    yield from _made_out(batch, reading)


def preview(paths: Paths, reading: Reading, count: int) -> Preview:
    """Give the first rows of the first file that can be read.

    Raises the error of the first file where none can.
    """
    fault: InputError | None = None
    for path in files_of(paths):
        cells = _opened(path, reading)
        try:
            if isinstance(cells, InputError):
                raise cells
            rows = rows_of(cells.frame, reading)
        except InputError as error:
            fault = fault or (error if error is cells else _of_file(path, error))
            continue
        return Preview(path, names_of(cells.frame, reading), rows.head(count))
    raise fault or InputError("no files")


def _opened(path: Path, reading: Reading) -> _Cells | InputError:
    """Find the cells of a file, and the words in the name."""
    try:
        name, content = unpack(path)
        frame = _cells(kind_of(name)[0], content, reading)
        written = path.stat().st_mtime_ns // 1_000_000
    except InputError as error:
        return _of_file(path, error)
    stems = stem_of(path.name), stem_of(name)
    period = next(filter(None, map(period_in, stems)), None)
    market = next(filter(None, map(market_in, stems)), None)
    return _Cells(path, _without_blanks(frame), written, period, market)


def _cells(kind: str, content: bytes, reading: Reading) -> pl.DataFrame:
    if kind in {".parquet", ".pq"}:
        return read_parquet(content)
    if kind in {".arrow", ".feather", ".ipc"}:
        return read_arrow(content)
    if kind == ".xlsx":
        return read_sheet(content, reading.columns)
    if kind in {".json", ".jsonl", ".ndjson"}:
        return read_json(content, reading.encoding)
    return read_csv(content, reading.encoding, reading.columns)


def _without_blanks(frame: pl.DataFrame) -> pl.DataFrame:
    """Leave out rows, as of blank lines, in which no cell says anything."""
    if frame.width and all(column.null_count() for column in frame):
        return frame.filter(pl.any_horizontal(pl.all().is_not_null()))
    return frame


def _fits(cells: _Cells, batch: Sequence[_Cells], rows: int) -> bool:
    """Say whether a file is made out together with a batch of so many rows."""
    if not batch:
        return True
    fits = rows + cells.frame.height <= _TOGETHER
    return fits and cells.frame.schema == batch[0].frame.schema


def _made_out(batch: Sequence[_Cells], reading: Reading) -> Iterator[SourceTable | InputError]:
    """Make out the rows of files of one layout: together, or each alone where one is bad."""
    if not batch:
        return
    try:
        rows = rows_of(pl.concat([cells.frame for cells in batch]), reading)
    except InputError as error:
        if len(batch) == 1:
            yield _of_file(batch[0].path, error)
            return
        for cells in batch:
            yield from _made_out([cells], reading)
        return
    at = 0
    for cells in batch:
        yield cells.table(rows.slice(at, cells.frame.height))
        at += cells.frame.height


def _of_file(path: Path, error: InputError) -> InputError:
    return InputError(f"{path}: {error}")
