"""Frames about the contents of a lake: spans of one state, gaps, one row per series. Pure."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import polars as pl

from marketkit.coverage import Span, Spans
from marketkit.data.lake.format.chunk import Entry
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.store.knowledge import Knowledge
from marketkit.data.lake.store.slots import count_slots, slot_end, slot_number
from marketkit.schema import TIME, Schema
from marketkit.timeframe import DAY, TIMEFRAMES, Timeframe
from marketkit.window import EVER

SPAN_STATE = pl.Enum(["traded", "empty", "maintenance", "before_listing", "unfetchable", "unknown"])

GAPS: Schema = {
    "symbol": pl.String(),
    "timeframe": pl.String(),
    "start": TIME,
    "end": TIME,
    "slots": pl.Int64(),
}
COVERAGE: Schema = {
    "symbol": pl.String(),
    "timeframe": pl.String(),
    "start": TIME,
    "end": TIME,
    "state": SPAN_STATE,
    "slots": pl.Int64(),
}
CATALOG: Schema = {
    "symbol": pl.String(),
    "timeframe": pl.String(),
    "first": TIME,
    "last": TIME,
    "rows": pl.Int64(),
    "slots": pl.Int64(),
    "files": pl.Int64(),
    "bytes": pl.Int64(),
    "nothing_before": TIME,
    "rests_on": pl.String(),
}


def gaps(timeframe: Timeframe, ranges: Iterable[tuple[Series, Knowledge, Span]]) -> pl.DataFrame:
    """Give one row for each span of slots nobody asked about, of series of one timeframe."""
    names, spans = list[str](), list[Span]()
    for series, known, span in ranges:
        parts = known.missing(*span)
        names += [series.symbol] * len(parts)
        spans += parts
    # Column by column: as rows they would take twice as long.
    edges = zip(*spans, strict=True) if spans else ((), ())
    starts, ends = (pl.Series(each, dtype=pl.Int64) for each in edges)
    slots, widths = count_slots(timeframe, spans), [timeframe.name] * len(spans)
    columns = (names, widths, starts.cast(TIME), ends.cast(TIME), slots)
    return pl.DataFrame(dict(zip(GAPS, columns, strict=True)), schema=dict(GAPS))


def coverage(
    series: Series, known: Knowledge, span: Span, times: pl.Series, *, ended: bool = False
) -> pl.DataFrame:
    """Give one row for each longest span of slots in one state.

    `times` are the sorted slots that traded. Every slot of `span` lies in exactly one row. Of a
    market that has `ended` nothing is `unknown`, for nobody can ask: that is `unfetchable`.
    """
    timeframe = series.timeframe
    number = functools.partial(slot_number, timeframe)
    span = known.slots_of(*span)
    traded = runs(timeframe, times)
    known_states = _known_states(known, span, "unfetchable" if ended else "unknown")
    edges = pl.concat([known_states["start"], traded["start"], traded["end"]]).unique().sort()
    starts = edges.filter(edges.is_between(*span, closed="left"))
    is_traded = pl.col("start").is_in(traded["start"].implode())
    return (
        starts.to_frame()
        .join_asof(known_states, on="start")
        .with_columns(
            state=pl.when(is_traded).then(_state("traded")).otherwise("state"),
            symbol=pl.lit(series.symbol),
            timeframe=pl.lit(timeframe.name),
            end=pl.col("start").shift(-1, fill_value=span.end),
        )
        .with_columns(pl.col("start", "end").cast(TIME))
        .with_columns(slots=number(pl.col("end")) - number(pl.col("start")))
        .select(*COVERAGE)
    )


def where_empty(coverage: pl.DataFrame) -> Spans:
    """Give spans that hold all slots proved empty for any symbol, and no month without one."""
    empty = coverage.filter(pl.col("state") == "empty").select(
        pl.col("start", "end").cast(pl.Int64)
    )
    month = pl.col("start") // (30 * DAY)
    hulls = empty.group_by(month.alias("month")).agg(pl.col("start").min(), pl.col("end").max())
    return Spans(hulls.select("start", "end").iter_rows())


def with_maintenance(coverage: pl.DataFrame, windows: Spans) -> pl.DataFrame:
    """Call the empty slots inside of windows `maintenance`."""
    if not windows or coverage.is_empty():
        return coverage
    start, end = (coverage[edge].cast(pl.Int64) for edge in ("start", "end"))
    opens, closes = (pl.Series(edges, dtype=pl.Int64) for edges in zip(*windows, strict=True))
    # The first window that ends after a span starts is the first that can meet it.
    meeting = opens.extend_constant(EVER.end, 1).gather(closes.search_sorted(start, side="right"))
    met = (coverage["state"] == "empty") & (meeting < end)
    cut = [part for row in coverage.filter(met).iter_rows() for part in _cut(row, windows)]
    parts = pl.DataFrame(cut, schema=dict(COVERAGE), orient="row")
    return pl.concat([coverage.filter(~met), parts]).sort("symbol", "start")


def catalog(found: Iterable[tuple[Series, Sequence[Entry]]]) -> pl.DataFrame:
    """Give one row for each series."""
    rows = [_catalog_row(series, entries) for series, entries in found if entries]
    return pl.DataFrame(rows, schema=dict(CATALOG), orient="row")


def of_trades(catalog: pl.DataFrame) -> pl.DataFrame:
    """Give the rows of a catalog for markets with trades, whose slots are whole days."""
    told = catalog.with_columns(
        timeframe=pl.lit("trade"),
        slots="whole_days",
        files="days",
        nothing_before=pl.lit(None, TIME),
        rests_on=pl.lit(None, pl.String),
    )
    return told.select(pl.col(name).cast(kind) for name, kind in CATALOG.items())


def _catalog_row(series: Series, entries: Sequence[Entry]) -> tuple[object, ...]:
    footers = [entry.footer for entry in entries]
    known = Knowledge.of(series.timeframe, entries)
    return (
        series.symbol,
        series.timeframe.name,
        min((footer.first for footer in footers if footer.first is not None), default=None),
        max((footer.last for footer in footers if footer.last is not None), default=None),
        sum(footer.rows for footer in footers),
        series.timeframe.count_all(known.covered),
        len(entries),
        sum(entry.stamp.size for entry in entries),
        known.nothing_before,
        None if known.nothing_before is None else known.rests_on,
    )


def _cut(row: tuple[Any, ...], windows: Spans) -> Iterator[tuple[Any, ...]]:
    symbol, name, start, end, _, _ = row
    span = Span(*(round(edge.timestamp() * 1000) for edge in (start, end)))
    inside = windows.clip(*span)
    for state, spans in (("maintenance", inside), ("empty", Spans([span]) - inside)):
        for part in spans:
            yield symbol, name, *part, state, TIMEFRAMES[name].count(*part)


def _known_states(known: Knowledge, span: Span, unknown: str) -> pl.DataFrame:
    """Cut a span by the states of the footers; only the rows know which slots traded."""
    absent = "unfetchable" if known.timeframe.name == "1s" else "before_listing"
    states = {"empty": known.covered.clip(*span), absent: known.absent(*span)}
    states[unknown] = states.get(unknown, Spans()) | known.missing(*span)
    parts = sorted((start, state) for state, spans in states.items() for start, _ in spans)
    return pl.DataFrame(parts, schema={"start": pl.Int64(), "state": SPAN_STATE}, orient="row")


def runs(timeframe: Timeframe, times: pl.Series) -> pl.DataFrame:
    """Join neighbouring slots into runs: `start` and `end` in ms."""
    new = pl.col("slot").diff().fill_null(0) != 1
    runs = pl.DataFrame({"time": times}, schema={"time": TIME}).with_columns(
        slot=slot_number(timeframe, pl.col("time"))
    )
    return runs.select(
        start=pl.col("time").filter(new).cast(pl.Int64),
        end=slot_end(timeframe, pl.col("time").filter(new.shift(-1, fill_value=True))),
    )


def _state(name: str) -> pl.Expr:
    return pl.lit(name, dtype=SPAN_STATE)


def counts(coverage: pl.DataFrame) -> pl.DataFrame:
    """Add the spans of a coverage up to one row a series, with a column of slots for each state."""
    slots = pl.col("slots")
    states = coverage.schema["state"].categories.to_list()  # type: ignore[attr-defined]
    return coverage.group_by("symbol", "timeframe", maintain_order=True).agg(
        pl.col("start").min(),
        pl.col("end").max(),
        slots.sum(),
        *(slots.filter(pl.col("state") == state).sum().alias(state) for state in states),
    )
