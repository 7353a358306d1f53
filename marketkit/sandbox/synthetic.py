"""Markets made from a seed, top down: days from a closed function, minutes out of a day."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final

from marketkit.sandbox import patience
from marketkit.sandbox.candle import Candle, Columns, Extremes, last_trade, merged
from marketkit.sandbox.chance import Day, Plan, is_maintenance
from marketkit.sandbox.drawing import draw_days
from marketkit.sandbox.draws import key_of, mix
from marketkit.sandbox.extremes import Span, extremes
from marketkit.sandbox.minutes import DayMinutes, day_minutes
from marketkit.sandbox.names import seeded_symbols
from marketkit.sandbox.noise import PriceNoise
from marketkit.sandbox.profile import profile
from marketkit.sandbox.shares import UNITS
from marketkit.sandbox.source import Source
from marketkit.sandbox.trades import Trade, split
from marketkit.sandbox.widths import DAY, MINUTE, WIDTHS, Width

_ONE_MINUTE: Final = WIDTHS["1m"]
_ONE_DAY: Final = WIDTHS["1d"]
_DAYS_KEPT: Final = 4  # a page of minutes looks at two, a ticker too
_DRAW_S: Final = 0.002  # drawing a day's minutes takes 0.1 ms for thin markets, 4 ms for others
_PIECE_S: Final = 0.0005  # a month made of its days
_EXTREMES_S: Final = 0.0003  # a market's year
_COARSE_KEPT: Final = 40  # a page of 200 four-hour candles looks at 34 days


class Synthetic:
    """Final candles of one made-up market.

    A day's prices and sums come from hashes of the market and the day, so years cost nothing until
    asked. Its minutes are drawn so that they aggregate to the day: prices and volume exactly,
    turnover to about 1 in 10^9. Where no `listing` (ms UTC) is given, it is drawn too.
    """

    def __init__(self, symbol: str, seed: int, rank: int, listing: int | None = None) -> None:
        self.key = key_of(symbol, seed)
        self._profile = profile(symbol, self.key, rank)
        self.noise = PriceNoise(
            self.key, symbol.partition("-")[0], self._profile.price, self._profile.wildness
        )
        self.listing = self._profile.listing if listing is None else listing
        self._drawn: dict[int, DayMinutes] = {}
        self._day = lru_cache(maxsize=_DAYS_KEPT)(self._new_day)
        self._coarse = lru_cache(maxsize=_COARSE_KEPT)(self._new_coarse)

    def base(self, width: Width) -> Width | None:
        """Return the minute, or None for seconds."""
        return _ONE_MINUTE if width.ms >= MINUTE else None

    def page(self, width: Width, before: int, count: int) -> list[Candle]:
        """Return the last `count` candles that start before `before`, ascending."""
        pieces: list[list[Candle]] = []
        end, oldest = before, width.floor(self.listing)
        while count > 0 and end > oldest:
            patience.take(_PIECE_S)
            piece, end = self._piece(width, end, count)
            pieces.append(piece)
            count -= len(piece)
        return [candle for piece in reversed(pieces) for candle in piece]

    def _piece(self, width: Width, end: int, count: int) -> tuple[list[Candle], int]:
        """Return the last candles of one day, or one longer candle, and their start."""
        if width.ms > DAY:
            start = width.floor(end - 1)
            whole = self.total(_ONE_DAY, start, width.end(start))
            return [whole] if whole else [], start
        day = (end - 1) // DAY
        if width.ms == DAY:
            return [self._candle(self._day(day))], day * DAY
        candles = self._minutes(day) if width.ms == MINUTE else self._coarse(day, width.ms)
        return candles.before(end, count), day * DAY

    def total(self, width: Width, start: int, end: int) -> Candle | None:
        """Add up the minutes or days that start in [start, end)."""
        days = range(max(start, self.listing) // DAY, -(-end // DAY))
        if width.ms == DAY:
            return merged(start, [self._candle(self._day(day)) for day in days])
        return merged(start, [self._minutes(day).total(start, end) for day in days])

    def at(self, width: Width, start: int) -> Candle | None:
        """Return the minute that starts at `start`: no other width is recorded."""
        listed = width is _ONE_MINUTE and start >= self.listing
        return self._minutes(start // DAY).at(start) if listed else None

    def trades(self, candle: Candle) -> Sequence[Trade]:
        """Return the trades of a candle of the narrowest width, oldest first."""
        return split(self.key, candle)

    def extremes(self, start: int, end: int) -> Extremes | None:
        """Return the highest and lowest price of the days starting in [start, end)."""
        return extremes_of([self], start, end)[0]

    def _minutes(self, day: int) -> DayMinutes:
        minutes = self._drawn.get(day)
        if minutes is None:
            patience.take(_DRAW_S)
            minutes = day_minutes(self.plan(day))
            self.keep(day, minutes)
        return minutes

    def plan(self, day: int) -> Plan:
        """Return all that decides the minutes of a day."""
        return Plan(self._day(day), self.key, self._profile.traded)

    def knows(self, day: int) -> bool:
        """Whether the minutes of a day are drawn, or never will be."""
        return day in self._drawn or day < self.listing // DAY

    def keep(self, day: int, minutes: DayMinutes) -> None:
        """Keep the minutes of a day, and let go of the days kept longest."""
        self._drawn[day] = minutes
        for oldest in list(self._drawn)[:-_DAYS_KEPT]:
            self._drawn.pop(oldest, None)

    def _new_coarse(self, day: int, width_ms: int) -> Columns:
        return self._minutes(day).derived(width_ms)

    def _candle(self, day: Day) -> Candle:
        start, price = day.start, day.tick.price
        last = last_trade(self.key, start + day.final * MINUTE, MINUTE)
        prices = price(day.open), price(day.high), price(day.low), price(day.close)
        return Candle(start, *prices, day.units / UNITS, day.value, last)

    def _new_day(self, day: int) -> Day:
        draw = mix(self.key, day)
        prices = self.noise.day(day, draw)
        turnover = self._profile.turnover * (0.4 + 1.6 * (draw >> 32 & 0xFFFF) / 0x10000)
        units = round(turnover / prices.tick.price(prices.high) * UNITS)
        first = max(0, (self.listing - day * DAY) // MINUTE)
        final = self._final(day, first, (draw >> 48) / 0x10000)
        return Day(day * DAY, *prices, units, first, final)

    def _final(self, day: int, first: int, draw: float) -> int:
        """Return the day's last minute that trades: thin markets fall silent earlier."""
        silent = 1 - self._profile.traded
        tail = int(math.log(1 - draw) / math.log(silent)) if silent else 0
        final = max(first, 1439 - tail)
        while is_maintenance(day * DAY, final):
            final -= 1
        return final


def draw_ahead(markets: Sequence[Synthetic], days: Iterable[int]) -> None:
    """Draw days of many markets at once."""
    unknown = [(one, day) for one in markets for day in days if not one.knows(day)]
    patience.take(_DRAW_S * len(unknown))
    for (one, day), minutes in zip(
        unknown, draw_days([one.plan(day) for one, day in unknown]), strict=True
    ):
        one.keep(day, minutes)


def extremes_of(markets: Sequence[Synthetic], start: int, end: int) -> list[Extremes | None]:
    """Return the extremes of many markets at once; None where a market was not listed yet."""
    patience.take(_EXTREMES_S * len(markets))
    stop = -(-end // DAY)
    spans = [Span(one.noise, max(start, one.listing) // DAY, stop) for one in markets]
    found = iter(extremes([span for span in spans if span.first < stop]))
    return [next(found) if span.first < stop else None for span in spans]


@lru_cache(maxsize=2)
def seeded(seed: int) -> Mapping[str, Source]:
    """Return the markets of a seed, by symbol, in the order market/all lists them.

    The exchanges of one seed in a process share the markets, and so the days drawn for any of them.
    """
    markets = [(symbol, Synthetic(symbol, seed, rank)) for symbol, rank in seeded_symbols()]
    # The exchange's own order follows nothing either.
    return dict(sorted(markets, key=lambda market: mix(market[1].key, 7)))
