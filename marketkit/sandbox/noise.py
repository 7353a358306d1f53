"""The price of a made-up market by day: value noise on the logarithm, and the days' ranges."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final, NamedTuple

from marketkit.sandbox.draws import unit
from marketkit.sandbox.ticks import Tick, tick_size

# (days between knots, height); long waves are high, short ones low.
OCTAVES: Final = ((512, 1.1), (128, 0.5), (32, 0.22), (8, 0.12), (2, 0.05))
SWING: Final = 0.03  # how far a day's high and low leave its open and close
_SHARES: Final = tuple(
    (period, [part * part * (3 - 2 * part) for part in (n / period for n in range(period))])
    for period, _ in OCTAVES
)  # how far between two knots a day is, smoothed
_PRICES_KEPT: Final = 4  # two days have three, and a page looks at two days at a time
_KNOTS_KEPT: Final = 1024  # a year of days lies between 250 of them


class DayPrices(NamedTuple):
    """The prices of one day in steps of `tick`."""

    tick: Tick
    open: int
    high: int
    low: int
    close: int


class PriceNoise:
    """The price of one market: a function of its key and the day, so years cost nothing ahead."""

    def __init__(self, key: int, quote: str, price: float, wildness: float) -> None:
        self.key, self.quote, self.price, self.wildness = key, quote, price, wildness
        self._knot = lru_cache(maxsize=_KNOTS_KEPT)(self._new_knot)
        self._price = lru_cache(maxsize=_PRICES_KEPT)(self._new_price)

    def day(self, day: int, draw: int) -> DayPrices:
        """Return open, high, low and close of a day; `draw` is that day's 64 bits."""
        opening, closing = self._price(day), self._price(day + 1)
        swing = SWING * self.wildness
        up, down = (draw & 0xFFFF) / 0x10000, (draw >> 16 & 0xFFFF) / 0x10000
        high = max(opening, closing) * (1 + swing * up * up)
        low = min(opening, closing) * (1 - swing * down * down)
        tick = tick_size(self.quote, high)
        per = tick.den / tick.num
        steps = (round(price * per) or 1 for price in (opening, high, low, closing))
        return DayPrices(tick, *steps)

    def _new_price(self, day: int) -> float:
        """Return the price at a day's start."""
        height = 0.0
        for octave, (period, shares) in enumerate(_SHARES):
            where = day // period
            here = self._knot(octave, where)
            height += here + (self._knot(octave, where + 1) - here) * shares[day % period]
        return self.price * math.exp(height * self.wildness)

    def _new_knot(self, octave: int, where: int) -> float:
        return OCTAVES[octave][1] * (unit(self.key + octave, where) - 0.5)
