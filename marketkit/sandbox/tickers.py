"""Tickers at a moment: the UTC day, the last 24 hours and 52 weeks of one market."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from marketkit.sandbox.candle import Candle, Extremes, merged
from marketkit.sandbox.moment import finest, last_close, running_base, trades_before
from marketkit.sandbox.source import Source
from marketkit.sandbox.trades import Trade
from marketkit.sandbox.widths import DAY

_YEAR: Final = 364 * DAY


class Ticker(NamedTuple):
    """What one market did, as of its last trade."""

    trade: Trade
    opening: float
    high: float
    low: float
    previous: float  # close of the last day that traded before today
    volume: float  # since 00:00 UTC
    value: float
    volume_24h: float
    value_24h: float
    highest: tuple[float, int]  # with the day it was reached
    lowest: tuple[float, int]
    time: int


class _Closed(NamedTuple):
    """What cannot change before the running base candle is over."""

    edge: int
    today: Candle | None
    day_long: Candle | None  # of the last 24 hours
    previous: float
    year: Extremes | None


@dataclass(frozen=True, slots=True)
class Tickers:
    """Tickers of many markets; what is over is added up once a minute."""

    _closed: dict[Source, _Closed] = field(default_factory=dict)

    def at(self, source: Source, now: int) -> Ticker | None:
        """Return a market's ticker at a moment, or None before its first trade."""
        trade = next(trades_before(source, now + 1, now), None)
        if trade is None:
            return None
        closed = self._closed_part(source, now)
        live = running_base(source, finest(source), now)
        today = merged(now // DAY * DAY, [closed.today, live])
        day_long = merged(closed.edge, [closed.day_long, live])
        price = trade.price
        opening, high, low = today[1:4] if today else (price, price, price)
        return Ticker(
            trade,
            opening,
            high,
            low,
            closed.previous or opening,
            *_sums(today),
            *_sums(day_long),
            *_year(closed.year, now // DAY * DAY, high, low),
            min(now, trade.time + 43),
        )

    def previous(self, source: Source, now: int) -> float:
        """Return the close of the last day that traded before today, 0 when there is none."""
        return self._closed_part(source, now).previous

    def _closed_part(self, source: Source, now: int) -> _Closed:
        edge = finest(source).floor(now)
        known = self._closed.get(source)
        if known is None or known.edge != edge:
            known = self._closed[source] = _closed(source, edge, known)
        return known


def _closed(source: Source, edge: int, known: _Closed | None) -> _Closed:
    base, today = finest(source), edge // DAY * DAY
    if known is None or known.edge // DAY != edge // DAY:
        previous, year = last_close(source, today, 0.0), source.extremes(today - _YEAR, today)
    else:
        previous, year = known.previous, known.year
    return _Closed(
        edge,
        source.total(base, today, edge),
        source.total(base, edge - DAY + base.ms, edge),
        previous,
        year,
    )


def _sums(candle: Candle | None) -> tuple[float, float]:
    return (candle.volume, candle.value) if candle else (0.0, 0.0)


def _year(
    year: Extremes | None, today: int, high: float, low: float
) -> tuple[tuple[float, int], tuple[float, int]]:
    if year is None:
        return (high, today), (low, today)
    highest = (year.high, year.high_day) if year.high >= high else (high, today)
    lowest = (year.low, year.low_day) if year.low <= low else (low, today)
    return highest, lowest
