"""The slots of a market that rows and names of files prove, and no more. Pure.

A slot that was not over when the file was written is not proved. Nobody can tell whether the
newest row was final, so that it is kept as unsettled, unless the file says so or the caller does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from marketkit.coverage import Span, Spans
from marketkit.data.lake.store.rows import times_of
from marketkit.data.lake.store.slots import slot_end
from marketkit.data.lake.transfer.duplicates import distinct
from marketkit.data.lake.transfer.kinds import EMPTY, LEFT, TRADED
from marketkit.data.lake.transfer.sheet import Faults, Sheet, Tables
from marketkit.data.lake.transfer.source_table import SourceTable
from marketkit.data.lake.transfer.terms import Terms
from marketkit.timeframe import Timeframe, iso


@dataclass(frozen=True, slots=True)
class Claim:
    """The word of files on a market.

    `rows` are the candles that they prove and `unsettled` those that they only show, each sorted by
    time, each time once. `covering` are the slots that they prove, `empty` counts the rows that say
    that nothing traded, `left_out` those that say nothing.
    """

    rows: pl.DataFrame
    unsettled: pl.DataFrame
    covering: Spans
    empty: int
    left_out: int


def claim_of(sheet: Sheet, tables: Tables, terms: Terms) -> tuple[Claim, Faults]:
    """Judge the claim of rows with kinds, and name the files that contradict themselves."""
    faults = _outside(sheet, tables, terms)
    rows = sheet.rows
    waits = _unsettled(sheet, tables, terms)
    is_left = rows["kind"] == LEFT
    told = rows.filter(~waits & ~is_left) if waits.any() or is_left.any() else rows
    told, twice = distinct(told, tables, terms.duplicates)
    shown = rows.filter(waits & (rows["kind"] == TRADED))
    shown = shown.filter(~shown["time"].is_in(told["time"].implode()))
    is_traded = told["kind"] == TRADED
    claim = Claim(
        told if is_traded.all() else told.filter(is_traded),
        shown.unique("time", keep="last", maintain_order=True).sort("time"),
        runs(terms.timeframe, times_of(told)) | _told_of(sheet, tables, terms, waits, is_left),
        int((rows["kind"] == EMPTY).sum()),
        int(is_left.sum()),
    )
    return claim, faults | twice


def runs(timeframe: Timeframe, times: pl.Series) -> Spans:
    """Give the slots that open at sorted times, neighbours joined."""
    first = times.diff().fill_null(0) != timeframe.width
    last = first.shift(-1, fill_value=True)
    pairs = zip(times.filter(first).to_list(), times.filter(last).to_list(), strict=True)
    return Spans((start, timeframe.next(end)) for start, end in pairs)


def _outside(sheet: Sheet, tables: Tables, terms: Terms) -> Faults:
    """Name files with rows outside of the time that is said to be covered."""
    faults: Faults = {}
    if terms.force:
        return faults
    bounds = {file: _told(tables[file], terms) for file in sheet.files}
    if not any(bounds.values()):
        return faults
    ends = sheet.rows.group_by("file").agg(
        first=pl.col("time").min().cast(pl.Int64), last=pl.col("time").max().cast(pl.Int64)
    )
    for file, first, last in ends.iter_rows():
        span = bounds[file]
        if span is not None and first is not None and not span.start <= first <= last < span.end:
            time = first if first < span.start else last
            said = "covering=" if terms.span is not None else "its name says"
            faults[file] = (
                f"has a row of {iso(time)}, outside of what {said} {iso(span.start)} to"
                f" {iso(span.end)}: pass force=True to take it all the same"
            )
    return faults


def _told(table: SourceTable, terms: Terms) -> Span | None:
    """Give the time of which a file tells all, as the name or the caller says."""
    return table.period if terms.span is None else terms.span


def _unsettled(sheet: Sheet, tables: Tables, terms: Terms) -> pl.Series:
    """Say which rows may have been running at the time of writing, or still do."""
    rows, end = sheet.rows, slot_end(terms.timeframe, pl.col("time"))
    running = end > terms.now
    if terms.settled:
        return rows.select(running).to_series()
    newest = pl.col("time").max()
    many = len(sheet.files) > 1
    is_newest = pl.col("time") == (newest.over("file") if many else newest)
    whole = [file for file in sheet.files if _is_whole(tables[file], terms)]
    if whole:
        is_newest &= ~pl.col("file").is_in(whole)
    late = end > _written(sheet, tables)
    doubtful = (late | is_newest) & pl.col("state").is_null()
    return rows.select((running | doubtful).fill_null(value=False)).to_series()


def _written(sheet: Sheet, tables: Tables) -> pl.Expr:
    """Give for each row when the file was written."""
    if len(sheet.files) == 1:
        return pl.lit(tables[sheet.files[0]].written)
    moments = [0] * (max(sheet.files) + 1)
    for file in sheet.files:
        moments[file] = tables[file].written
    return pl.lit(pl.Series(moments, dtype=pl.Int64)).gather(pl.col("file"))


def _is_whole(table: SourceTable, terms: Terms) -> bool:
    """Say whether a file was written after the end of the time that is told."""
    told = _told(table, terms)
    return told is not None and told.end <= min(table.written, terms.now)


def _told_of(
    sheet: Sheet, tables: Tables, terms: Terms, waits: pl.Series, is_left: pl.Series
) -> Spans:
    """Give the slots proved without a row, except the ones left open by a row."""
    ranges = Spans(_ranges(sheet, tables, terms, waits))
    if not ranges:
        return ranges
    return ranges - runs(
        terms.timeframe, times_of(sheet.rows.filter(waits | is_left)).unique().sort()
    )


def _ranges(sheet: Sheet, tables: Tables, terms: Terms, waits: pl.Series) -> Iterator[Span]:
    """Give for each file the completely told span, as far as that was over."""
    if terms.covering == "rows" and not any(tables[file].period for file in sheet.files):
        return
    ends = sheet.rows.with_columns(waits=waits).group_by("file")
    time = pl.col("time").cast(pl.Int64)
    found = ends.agg(first=time.min(), last=time.max(), waiting=time.filter("waits").min())
    known = {file: edges for file, *edges in found.iter_rows()}
    for file in sheet.files:
        table = tables[file]
        first, last, waiting = known.get(file, (None, None, None))
        told = _told(table, terms)
        if told is not None:
            told = Span(terms.timeframe.ceil(told.start), terms.timeframe.floor(told.end))
        elif terms.covering == "range" and first is not None and last is not None:
            told = Span(first, terms.timeframe.next(last))
        else:
            continue
        yield Span(told.start, min(told.end, *_ends(table, terms, last, waiting)))


def _ends(table: SourceTable, terms: Terms, last: int | None, waiting: int | None) -> Iterator[int]:
    """Give the moments beyond which a file proves nothing but by rows."""
    yield terms.timeframe.floor(terms.now)
    if waiting is not None:
        yield waiting
    if not terms.settled:
        yield terms.timeframe.floor(table.written)
        if not _is_whole(table, terms):  # whatever came after the newest row, it may lack
            yield 0 if last is None else terms.timeframe.next(last)
