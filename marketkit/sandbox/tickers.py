"""Tickers at a moment: the UTC day, the last 24 hours and 52 weeks of one market."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from marketkit.sandbox.candle import Candle, Extremes, merged
from marketkit.sandbox.moment import finest, last_close, own_open, running_base, trades_before
from marketkit.sandbox.source import Source
from marketkit.sandbox.synthetic import Synthetic, draw_ahead, extremes_of
from marketkit.sandbox.trades import Trade
from marketkit.sandbox.widths import DAY

_YEAR: Final = 364 * DAY  # 52 weeks


class Ticker(NamedTuple):
    """One market's state as of the last trade."""

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


class _Year(NamedTuple):
    """The part of a ticker that cannot change before the day is over."""

    today: int
    previous: float
    extremes: Extremes | None
    opening: float  # of the day's own candle


class _Closed(NamedTuple):
    """The part of a ticker that cannot change before the running base candle is over."""

    edge: int
    today: Candle | None
    day_long: Candle | None  # of the last 24 hours


@dataclass(frozen=True, slots=True)
class Tickers:
    """Tickers of many markets; closed candles are added up once a minute."""

    _years: dict[Source, _Year] = field(default_factory=dict)
    _closed: dict[Source, _Closed] = field(default_factory=dict)

    def prepare(self, sources: Iterable[Source], now: int) -> None:
        """Look at many made-up markets at once, a year back: one by one takes far longer."""
        made_up = [source for source in sources if isinstance(source, Synthetic)]
        today = now // DAY * DAY
        unknown = [one for one in made_up if not self._known_year(one, today)]
        draw_ahead(unknown, (today // DAY, today // DAY - 1))
        found = extremes_of(unknown, today - _YEAR, today)
        for source, extremes in zip(unknown, found, strict=True):
            self._years[source] = _new_year(source, today, extremes)

    def at(self, source: Source, now: int) -> Ticker | None:
        """Return a market's ticker at a moment, or None before the first trade."""
        trade = next(trades_before(source, now + 1, now), None)
        if trade is None:
            return None
        closed, year = self._closed_part(source, now), self._year(source, now)
        live = running_base(source, finest(source), now)
        today = merged(now // DAY * DAY, [closed.today, live])
        day_long = merged(closed.edge, [closed.day_long, live])
        price = trade.price
        opening, high, low = (year.opening, *today[2:4]) if today else (price, price, price)
        return Ticker(
            trade,
            opening,
            high,
            low,
            year.previous or opening,
            *_sums(today),
            *_sums(day_long),
            *_highest_and_lowest(year.extremes, now // DAY * DAY, high, low),
            min(now, trade.time + 43),
        )

    def previous(self, source: Source, now: int) -> float:
        """Return the close of the last day that traded before today, 0 when there is none."""
        return self._year(source, now).previous

    def _year(self, source: Source, now: int) -> _Year:
        today = finest(source).floor(now) // DAY * DAY
        known = self._known_year(source, today)
        if known is None:
            extremes = source.extremes(today - _YEAR, today)
            known = self._years[source] = _new_year(source, today, extremes)
        return known

    def _known_year(self, source: Source, today: int) -> _Year | None:
        known = self._years.get(source)
        return known if known and known.today == today else None

    def _closed_part(self, source: Source, now: int) -> _Closed:
        base = finest(source)
        edge = base.floor(now)
        known = self._closed.get(source)
        if known is None or known.edge != edge:
            today = source.total(base, edge // DAY * DAY, edge)
            day_long = source.total(base, edge - DAY + base.ms, edge)
            known = self._closed[source] = _Closed(edge, today, day_long)
        return known


def _new_year(source: Source, today: int, extremes: Extremes | None) -> _Year:
    return _Year(today, last_close(source, today, 0.0), extremes, own_open(source, today, 0.0))


def _sums(candle: Candle | None) -> tuple[float, float]:
    return (candle.volume, candle.value) if candle else (0.0, 0.0)


def _highest_and_lowest(
    year: Extremes | None, today: int, high: float, low: float
) -> tuple[tuple[float, int], tuple[float, int]]:
    if year is None:
        return (high, today), (low, today)
    highest = (year.high, year.high_day) if year.high >= high else (high, today)
    lowest = (year.low, year.low_day) if year.low <= low else (low, today)
    return highest, lowest
