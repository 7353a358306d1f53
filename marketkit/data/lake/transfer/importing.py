"""Candles of a file enter the lake: checked as a whole, then kept with a claim."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import polars as pl

from marketkit.coverage import Span, Spans
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.store.rows import times_of
from marketkit.data.lake.store.store import Store
from marketkit.data.lake.transfer.source_table import SourceTable
from marketkit.data.lake.transfer.sources.markets import market_of
from marketkit.data.lake.transfer.sources.paths import Paths
from marketkit.data.lake.transfer.sources.reading import read_tables
from marketkit.data.lake.transfer.sources.rows import Reading
from marketkit.errors import InputError
from marketkit.frames import one_of
from marketkit.schema import ROW
from marketkit.timeframe import Timeframe, iso, wider

Covering = Literal["rows", "range"]

_FEW = 20  # candles met in the lake that are too few to judge a file by


@dataclass(frozen=True, slots=True, repr=False)
class Imported:
    """The result of an import.

    Of the `rows` that the file has of the symbol, `distinct` are left without repetitions, and
    `changed` of these are new or different in the lake; `revisions` counts the numbers that were
    known and are others now. `covering` are the slots that the file is taken to prove.
    """

    path: Path
    symbol: str
    timeframe: Timeframe
    rows: int
    distinct: int
    changed: int
    revisions: int
    covering: Spans

    @property
    def slots(self) -> int:
        """How many slots the file is taken to prove."""
        return self.timeframe.count_all(self.covering)

    def __repr__(self) -> str:
        hull = self.covering.hull or Span(0, 0)
        times = f"{iso(hull.start)} to {iso(hull.end)}"
        return (
            f"import of {self.path.name} as {self.symbol} {self.timeframe}, {times}\n"
            f"  {self.rows:,} rows, {self.distinct:,} distinct, {self.changed:,} new or changed;"
            f" {self.revisions:,} revised\n"
            f"  {self.slots:,} slots claimed, {self.slots - self.distinct:,} of them empty"
        )


def import_files(
    store: Store,
    paths: Paths,
    reading: Reading,
    symbol: str | None,
    covering: Covering,
    *,
    dry_run: bool = False,
) -> Imported:
    """Keep the candles that files have of a symbol; see `Lake.import_`."""
    one_of("covering", covering, Covering)
    timeframe = reading.timeframe
    archive, symbol = _of_market(paths, reading, symbol)
    series = Series(store.source, symbol, timeframe)
    rows = _distinct(archive)
    _refuse_wider(archive, timeframe, times_of(rows).to_list())
    _refuse_stranger(archive, rows, store, series)
    claimed = _claim(timeframe, rows, covering)
    try:
        written = (0, 0) if dry_run else store.append(symbol, timeframe, rows, claimed)
    except InputError as error:
        raise archive.wrong(str(error)) from error
    counts = archive.rows.height, rows.height, *written
    return Imported(archive.path, symbol, timeframe, *counts, covering=claimed)


def _of_market(paths: Paths, reading: Reading, symbol: str | None) -> tuple[SourceTable, str]:
    """Read all files, and give the rows of one market with its code."""
    tables: list[SourceTable] = []
    for table in read_tables(paths, reading):
        if isinstance(table, InputError):
            raise table
        tables.append(table)
    rows = pl.concat([table.rows for table in tables])
    archive = SourceTable(tables[0].path, rows, tables[0].written)
    names = rows["symbol"].drop_nulls().unique().sort().to_list()
    meant = symbol if symbol is None else market_of(symbol) or symbol
    if meant is None:
        meant = names[0] if len(names) == 1 else tables[0].market
    if meant is None or rows.is_empty():
        raise archive.wrong("has no rows" if rows.is_empty() else "names no market: say symbol=")
    if names and meant not in names:
        raise archive.wrong(f"has candles of {', '.join(names[:5])}, not of {meant}")
    kept = rows.filter(pl.col("symbol") == meant) if len(names) > 1 else rows
    kept = kept.with_columns(symbol=pl.lit(meant))
    return SourceTable(archive.path, kept, archive.written), meant


def _distinct(archive: SourceTable) -> pl.DataFrame:
    """Sort the rows by time and drop repetitions; refuse two candles of one time."""
    rows = archive.rows.select(*ROW).unique(maintain_order=True).sort("time")
    twice = rows.filter(rows["time"].is_duplicated())
    if twice.height:
        raise archive.wrong(
            f"has two different candles of {iso(times_of(twice)[0])}:"
            f" {twice.row(0)[2:]} and {twice.row(1)[2:]}"
        )
    return rows


def _refuse_wider(archive: SourceTable, timeframe: Timeframe, times: Sequence[int]) -> None:
    """Refuse a file whose times are all slots of a wider timeframe."""
    if (other := wider(timeframe, times)) is not None:
        raise archive.wrong(
            f"its rows are {other} apart or more, so these are no {timeframe} candles:"
            f" say timeframe={other.name!r}"
        )


def _refuse_stranger(
    archive: SourceTable, rows: pl.DataFrame, store: Store, series: Series
) -> None:
    """Refuse a file that contradicts most stored rows: a false symbol or zone must not win."""
    times = times_of(rows)
    span = Span(times[0], times[-1] + 1)
    stored = store.select(series.symbol, series.timeframe).read(span)
    met = rows.select("time", "close").join(stored.select("time", was="close"), on="time")
    differing = met.filter(pl.col("close") != pl.col("was")).height
    if met.height >= _FEW and differing > met.height / 2:
        raise archive.wrong(
            f"closes otherwise than the lake in {differing:,} of the {met.height:,} candles of"
            f" {series.symbol} {series.timeframe} that both have: another symbol or time zone?"
        )


def _claim(timeframe: Timeframe, rows: pl.DataFrame, covering: Covering) -> Spans:
    """Give the slots that a file proves: the ones with rows, or all from the first to the last."""
    times = times_of(rows)
    first = times.diff().fill_null(0) != timeframe.width
    last = first.shift(-1, fill_value=True)
    runs = zip(times.filter(first), times.filter(last), strict=True)
    slots = Spans((timeframe.floor(start), timeframe.next(end)) for start, end in runs)
    return slots if covering == "rows" else Spans([slots.hull or (0, 0)])
