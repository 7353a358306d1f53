"""Trades as a witness of candles: the sums, slot by slot."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import polars as pl

from marketkit.coverage import Span, Spans
from marketkit.schema import ROW
from marketkit.timeframe import DAY, Timeframe


class Trades(Protocol):
    """A store of trades that knows in which times none is missing."""

    def covered(self, symbol: str, start: int | None = None, end: int | None = None) -> Spans:
        """Give the times in which no trade of a symbol is missing."""

    def read_span(self, symbols: str, span: Span) -> pl.DataFrame:
        """Read the trades of a span by time and order: `time price volume` and more."""


def added_up(
    trades: Trades, symbol: str, timeframe: Timeframe, known: Spans
) -> Iterator[tuple[pl.DataFrame, Spans]]:
    """Give the sums of trades as candles without turnover, and the slots of these.

    A day at a time, for days of trades are large; only whole slots that `known` holds. Slots wider
    than a day have none.
    """
    hull = known.hull
    if hull is None or timeframe.width > DAY:
        return
    slots = Spans(timeframe.whole(trades.covered(symbol, *hull))) & known
    for start, end in slots:
        for day in range(start - start % DAY, end, DAY):
            span = Span(max(start, day), min(end, day + DAY))
            yield _candles(trades.read_span(symbol, span), symbol, timeframe), Spans([span])


def _candles(trades: pl.DataFrame, symbol: str, timeframe: Timeframe) -> pl.DataFrame:
    """Add up trades in their order; turnover is left out, the exchange rounds that of each."""
    price = pl.col("price")
    return (
        trades.group_by_dynamic("time", every=timeframe.every)
        .agg(
            open=price.first(),
            high=price.max(),
            low=price.min(),
            close=price.last(),
            volume=pl.col("volume").sum(),
        )
        .with_columns(symbol=pl.lit(symbol), value=pl.lit(None, pl.Float64()))
        .select(*ROW)
    )
