"""The rules that candles must obey to enter the lake. Pure."""

from __future__ import annotations

import itertools
import math
from bisect import bisect_left
from dataclasses import dataclass, replace

import polars as pl

from marketkit.coverage import ONE_ANSWER, Evidence, Spans
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.format.provenance import NO_ARCHIVE, Provenance
from marketkit.data.lake.store.slots import opens_slot
from marketkit.errors import InputError
from marketkit.frames import one_of
from marketkit.schema import ROW
from marketkit.timeframe import Timeframe, iso
from marketkit.window import EVER, check_range

_PRICES = ("open", "high", "low", "close")
_FEW = 64  # spans, up to which cutting costs less than a query
_SMALL = 4_096  # rows of which a list is looked through sooner than threads are woken
_AT_ONCE = 256  # of them: as objects all of ten pages are 0.3 MB, which a process of weeks keeps
_KEYS = ("symbol", "time", *_PRICES, "volume")


@dataclass(frozen=True, slots=True)
class CandlePage:
    """An answer of the exchange: rows, the slots answered for, and slots that cannot exist.

    `archive` are the files that the rows came in.
    """

    rows: pl.DataFrame
    covering: Spans
    nothing_before: int | None = None
    rests_on: Evidence = ONE_ANSWER
    archive: Provenance = NO_ARCHIVE


def checked(series: Series, page: CandlePage) -> CandlePage:
    """Give the page with rows sorted by time, each time once, the later of two in the frame.

    Raises `InputError` for a covering that is not whole slots, and naming the first row that is no
    possible candle of the series or that lies outside the covering.
    """
    _check_covering(series.timeframe, page.covering)
    one_of("rests_on", page.rests_on, Evidence)
    if page.nothing_before is not None:
        check_range(page.nothing_before, page.nothing_before)
    if dict(page.rows.schema) != dict(ROW):
        raise InputError(f"rows must have the columns {dict(ROW)}, not {dict(page.rows.schema)}")
    _refuse_broken(series, page.rows)
    rows = page.rows if page.rows.columns == list(ROW) else page.rows.select(*ROW)
    if not _ascending(times_of(rows)):
        rows = rows.unique("time", keep="last", maintain_order=True).sort("time")
    if not _all_in_one(rows, page.covering):
        outside = ~within(rows["time"], page.covering)
        _refuse(rows.filter(outside), "time lies outside the covering")
    return replace(page, rows=rows)


def inside(rows: pl.DataFrame, start: int, end: int) -> pl.DataFrame:
    """Give the rows of `[start, end)`, of a frame sorted by time."""
    times = times_of(rows)
    return rows[bisect_left(times, start) : bisect_left(times, end)]


def only(rows: pl.DataFrame, spans: Spans) -> pl.DataFrame:
    """Give the rows in spans, of a frame sorted by time: of few spans without a query."""
    if len(spans) > _FEW:
        return rows.filter(within(rows["time"], spans))
    parts = split(rows, spans)[1]
    return parts[0] if len(parts) == 1 else pl.concat([rows.clear(), *parts])


def split(rows: pl.DataFrame, spans: Spans) -> tuple[list[pl.DataFrame], list[pl.DataFrame]]:
    """Cut a frame sorted by time into the rows before, between and after spans, and in each."""
    outside, within, at, times = [], [], 0, times_of(rows)
    for start, end in spans:
        low = bisect_left(times, start, lo=at)
        high = bisect_left(times, end, lo=low)
        outside.append(rows[at:low])
        within.append(rows[low:high])
        at = high
    return [*outside, rows[at:]], within


def within(times: pl.Series, spans: Spans) -> pl.Series:
    """Say which times lie in spans: an odd number of edges comes before each."""
    edges = pl.Series([edge for span in spans for edge in span], dtype=pl.Int64)
    return edges.search_sorted(times.cast(pl.Int64), side="right") % 2 == 1


def times_of(rows: pl.DataFrame) -> pl.Series:
    """Give the times of rows in ms UTC."""
    return rows["time"].cast(pl.Int64)


def _all_in_one(rows: pl.DataFrame, covering: Spans) -> bool:
    """Say whether rows sorted by time lie in the one span of a covering: both ends tell."""
    if rows.is_empty():
        return True
    times = times_of(rows)
    return len(covering) == 1 and times[0] in covering and times[-1] in covering


def _ascending(times: pl.Series) -> bool:
    if times.len() > _SMALL:
        return times.is_sorted() and times.n_unique() == times.len()
    return all(one < other for one, other in itertools.pairwise(times.to_list()))


def _check_covering(timeframe: Timeframe, covering: Spans) -> None:
    for span in covering:
        if span.start < EVER.start or span.end > EVER.end:
            raise InputError(
                f"covering {iso(span.start)} to {iso(span.end)} lies outside the years 1970 to 9998"
            )
        if any(timeframe.floor(edge) != edge for edge in span):
            raise InputError(
                f"covering {iso(span.start)} to {iso(span.end)} is not made of whole slots of"
                f" {timeframe}"
            )


def _refuse_broken(series: Series, rows: pl.DataFrame) -> None:
    """Ask all rules at once, which takes a fifth of the time, and name the first that is broken."""
    some = rows.iter_slices(_AT_ONCE)
    if rows.height <= _SMALL and all(_are_possible(series, each) for each in some):
        return
    rules = breaches(series)
    hits = rows.select(broken.any().alias(rule) for rule, broken in rules.items())
    for rule, hit in hits.row(0, named=True).items():
        if hit:
            _refuse(rows.filter(rules[rule]), rule)


def _are_possible(series: Series, rows: pl.DataFrame) -> bool:
    """Say whether no rule is broken, of few rows, without a query that waits for threads.

    What is not sure is for the query to tell.
    """
    timeframe = series.timeframe
    if timeframe.is_calendar or not set(rows["symbol"].to_list()) <= {series.symbol}:
        return False
    first, width = timeframe.floor(0), timeframe.width
    numbers = zip(*(rows[name].to_list() for name in (*_PRICES, "volume")), strict=True)
    try:
        return (
            all((time - first) % width == 0 for time in times_of(rows).to_list())
            and all(each is None or 0 <= each < math.inf for each in rows["value"].to_list())
            and all(
                0 < low <= open_ <= high < math.inf
                and low <= close <= high
                and 0 <= volume < math.inf
                for open_, high, low, close, volume in numbers
            )
        )
    except TypeError:  # a null
        return False


def breaches(series: Series) -> dict[str, pl.Expr]:
    """Give for each rule of candles the rows that break the rule."""
    numbers = [*_PRICES, "volume", "value"]
    return {
        "a null": pl.any_horizontal(pl.col(*_KEYS).is_null()),
        f"symbol is not {series.symbol}": pl.col("symbol") != series.symbol,
        "a number that is not finite": pl.any_horizontal(~pl.col(*numbers).is_finite()),
        "a price that is not positive": pl.any_horizontal(pl.col(*_PRICES) <= 0),
        "a negative volume or value": pl.any_horizontal(pl.col("volume", "value") < 0),
        "high is not the highest": pl.col("high") < pl.max_horizontal(*_PRICES),
        "low is not the lowest": pl.col("low") > pl.min_horizontal(*_PRICES),
        f"time is no slot of {series.timeframe}": ~opens_slot(series.timeframe, pl.col("time")),
    }


def _refuse(rows: pl.DataFrame, rule: str) -> None:
    if not rows.is_empty():
        raise InputError(
            f"{rows.height} rows refused: {rule}; the first is {rows.row(0, named=True)}"
        )
