"""Closed candles straight from the history, for tests to compare a client with."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from marketkit.errors import UnknownSymbol, UnknownTimeframe
from marketkit.sandbox.candle import Candle
from marketkit.sandbox.moment import candle_page
from marketkit.sandbox.source import Source
from marketkit.sandbox.widths import Width, width_named

_SCHEMA = {
    "time": pl.Int64,
    **dict.fromkeys(("open", "high", "low", "close", "volume", "value"), pl.Float64),
}
_BATCH = 10_000  # candles in memory as objects at a time


def closed_candles(
    sources: Mapping[str, Source], symbol: str, timeframe: str, *, start: int, end: int, now: int
) -> pl.DataFrame:
    """Return the candles of a market that start in [start, end) and are over by now, ascending."""
    if symbol not in sources:
        raise UnknownSymbol(symbol, sources)
    width = width_named(timeframe)
    if width is None:
        raise UnknownTimeframe(f"unknown timeframe {timeframe!r}")
    rows = _rows(sources[symbol], width, start, min(end, width.floor(now)), now)
    return pl.DataFrame([candle[:7] for candle in rows], schema=_SCHEMA, orient="row")


def _rows(source: Source, width: Width, start: int, end: int, now: int) -> list[Candle]:
    pages: list[list[Candle]] = []
    while end > start:
        most = min(_BATCH, (end - start) // width.ms + 2)  # asks for no more than can be there
        page = candle_page(source, width, end, most, now)
        if not page:
            break
        pages.append([candle for candle in reversed(page) if candle.time >= start])
        end = page[-1].time
    return [candle for page in reversed(pages) for candle in page]
