"""Candles of a session out of the exchange's own: whole slots only, each with a state. Pure."""

from __future__ import annotations

import itertools

import polars as pl

from marketkit.coverage import Spans
from marketkit.data.lake.read.candles import CandleResult, newest
from marketkit.data.lake.read.view import aggregate
from marketkit.schema import CANDLE, ROW, STATE, TIME
from marketkit.window import Session, Window

_NUMBERS = [name for name in ROW if name not in ("symbol", "time")]


def fold(candles: CandleResult, narrow: Window) -> CandleResult:
    """Add the candles of `narrow` up to the candles of a session, if one was asked for."""
    window, rows = narrow.into, candles.frame
    if window is None or window.session is None or rows.is_empty():
        return candles
    bars = _bars(rows, window, window.session)
    slots = [
        _slots(symbol, own, window, candles)
        for (symbol,), own in rows.group_by("symbol", maintain_order=True)
    ]
    kept = bars.join(pl.concat(slots), on=["symbol", "time"], maintain_order="left").filter(
        pl.col("whole") | (pl.col("state") != "empty")
    )
    forming = pl.when("forming").then(pl.lit("forming", dtype=STATE)).otherwise("state")
    kept = kept.with_columns(state=forming).select(*CANDLE)
    if not window.forming:
        kept = kept.filter(pl.col("state") != "forming")
    base, made = narrow.timeframe.name, candles.derived
    derived = {
        symbol: f"{base}, {made[symbol]}" if symbol in made else base
        for symbol in kept["symbol"].unique()
    }
    final = newest(kept, window.count)
    return CandleResult(final, candles.failures, candles.known, derived=derived)


def _bars(rows: pl.DataFrame, window: Window, session: Session) -> pl.DataFrame:
    """Add rows up; a slot is empty where all rows of the slot are."""
    traded = aggregate(
        rows.filter(pl.col("state") != "empty").select(*ROW), window.timeframe, session
    )
    traded = traded.with_columns(state=pl.lit("closed", dtype=STATE))
    if window.fill == "none":
        return traded
    every = aggregate(rows.select(*ROW), window.timeframe, session)
    made = every.join(traded, on=["symbol", "time"], how="anti").with_columns(
        state=pl.lit("empty", dtype=STATE)
    )
    if window.fill == "null":
        made = made.with_columns(
            pl.lit(None, dtype=made.schema[name]).alias(name) for name in _NUMBERS
        )
    return pl.concat([traded, made]).sort("symbol", "time")


def _slots(
    symbol: object, rows: pl.DataFrame, window: Window, candles: CandleResult
) -> pl.DataFrame:
    """List a symbol's slots of which no candle is missing, and whether each is over and known."""
    known = candles.known.get(str(symbol), Spans())
    times = rows["time"].cast(pl.Int64)
    first, last = times[0], times[-1] + 1
    edges = [] if window.session is None else window.session.edges(window.timeframe, first, last)
    # What is younger than everything that is known is there as far as it happened.
    young = None if candles.at is None else known.hull.end if known.hull is not None else 0
    slots = [
        (symbol, start, not known.gaps(start, end), candles.at is not None and end > candles.at)
        for start, end in itertools.pairwise(edges)
        if (window.start is None or start >= window.start)
        and (window.end is None or start < window.end)
        and not known.gaps(start, end if young is None else min(end, young))
    ]
    schema = {
        "symbol": pl.String(),
        "time": pl.Int64(),
        "whole": pl.Boolean(),
        "forming": pl.Boolean(),
    }
    return pl.DataFrame(slots, schema=schema, orient="row").with_columns(pl.col("time").cast(TIME))
