"""Bars of many markets, and rows for the slots that have none. Pure but for the scan."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import polars as pl

from marketkit.coverage import Span, Spans
from marketkit.data.bars import slots
from marketkit.data.bars.kinds import Bars, TimeBars
from marketkit.data.bars.market import NEEDED, amount_bars, columns, in_order, time_bars
from marketkit.data.bars.slots import Scope
from marketkit.data.bars.source import Trades
from marketkit.data.lake.read.decimals import to_decimals
from marketkit.data.lake.store.rows import within
from marketkit.schema import BAR, BAR_STATE, empty
from marketkit.window import Fill

_PRICES = ("open", "high", "low", "close")
_SUMS = ("volume", "value", "trades")


def bars_of(
    trades: Trades,
    symbols: Iterable[str],
    kind: Bars,
    window: Span,
    *,
    forming: bool = False,
    fill: Fill = "none",
    exact: bool = False,
) -> pl.DataFrame:
    """Make bars of the trades of some markets: `schema.BAR`, sorted by symbol and time.

    Bars of time are those of the slots that begin in `window`, others those of the trades in it.
    First and last are by time and, within a millisecond, by `sequential_id`. `fill` is as for
    candles, for bars of time; a slot of which trades may be missing then has a row without numbers
    and the state `unknown`. `exact` makes decimals of the trades, and adds these up without
    rounding.
    """
    if exact:
        trades = replace(trades, rows=to_decimals(trades.rows.lazy()))
    frames = [
        _of_market(trades, symbol, kind, window, forming=forming, fill=fill)
        for symbol in sorted(set(symbols))
    ]
    return pl.concat([empty(columns(decimals=exact)), *frames])


def _of_market(
    trades: Trades, symbol: str, kind: Bars, window: Span, *, forming: bool, fill: Fill
) -> pl.DataFrame:
    scope = Scope(window, trades.known(symbol), trades.at)
    rows = in_order(trades.of(symbol).select(NEEDED).collect())
    if isinstance(kind, TimeBars):
        bars = time_bars(rows, kind, scope)
        bars = bars if fill == "none" else _filled(bars, kind, scope, fill)
    else:
        bars = amount_bars(rows, kind, scope)
    if not forming:
        bars = bars.filter(pl.col("state") != "forming")
    return bars.with_columns(symbol=pl.lit(symbol)).select(*BAR)


def extent(kind: Bars, window: Span) -> Span:
    """Give the times of the trades that the bars of a window are made of."""
    if not isinstance(kind, TimeBars):
        return window
    start = slots.ceil(kind, window.start)
    return Span(start, max(start, slots.ceil(kind, window.end)))


def unknown(kind: Bars, scope: Scope) -> Spans:
    """Give the times of a window that no bar is made of because trades may be missing."""
    reach = extent(kind, scope.window)
    end = reach.end if scope.at is None else min(reach.end, scope.at)
    known = scope.covered
    if isinstance(kind, TimeBars):
        known, young = slots.whole(kind, known), slots.forming(kind, scope)
        end = end if young is None else min(end, young)
    return known.gaps(reach.start, max(reach.start, end))


def _filled(bars: pl.DataFrame, kind: TimeBars, scope: Scope, fill: Fill) -> pl.DataFrame:
    """Add a row for each slot that has begun and has none, with the state that is known."""
    start, end = scope.window
    until = end if scope.at is None else min(end, scope.at + 1)
    grid = slots.opens(kind, Span(start, max(start, until)))
    proved = within(grid, slots.whole(kind, scope.covered))
    young = slots.forming(kind, scope)
    now = grid.cast(pl.Int64).is_in([] if young is None else [young])
    state = pl.when(now).then(pl.lit("forming")).when(proved).then(pl.lit("empty"))
    every = pl.DataFrame({"time": grid}).with_columns(
        state=state.otherwise(pl.lit("unknown")).cast(BAR_STATE)
    )
    made = every.join(bars.select("time"), on="time", how="anti")
    rows = pl.concat([bars, made], how="diagonal").sort("time")
    return _carried(rows) if fill == "forward" else rows


def _carried(rows: pl.DataFrame) -> pl.DataFrame:
    """Give slots without a trade the last close as prices; nothing is carried past unknown ones."""
    part = (pl.col("state") == "unknown").cum_sum()
    close = pl.col("close").forward_fill().over(part)
    none = pl.col("trades").is_null() & (pl.col("state") != "unknown")
    prices = [pl.when(none).then(close).otherwise(name).alias(name) for name in _PRICES]
    sums = [pl.when(none).then(0).otherwise(name).alias(name) for name in _SUMS]
    return rows.with_columns(*prices, *sums)
