"""The trades inside a candle: few, always the same, adding up to exactly that candle."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from functools import lru_cache
from hashlib import shake_128
from itertools import pairwise
from typing import Final, Literal, NamedTuple

from marketkit.sandbox.candle import Candle
from marketkit.sandbox.draws import mix
from marketkit.sandbox.shares import UNITS, balanced, shared

_MOST_EXTRAS: Final = 4  # enough for pages of trades, few enough to draw at once
_MOST_DRAWS: Final = 48  # one trade takes five numbers at most, and there are eight at most
_DRAWN: Final = 2**32  # a number drawn is below
_SERIALS: Final = 9_000  # first serials of a millisecond: with eight trades none needs five digits
_INSIDE: Final = 1e-6  # how far inside [low, high] a mean price must lie to be reachable


Draw = Callable[[], int]


class Trade(NamedTuple):
    """One trade; `time` in ms UTC."""

    time: int
    price: float
    volume: float
    side: Literal["ASK", "BID"]
    serial: int = 1  # within the exchange's millisecond

    @property
    def sequential_id(self) -> int:
        """The exchange's number of this trade: ms * 10^4 and more, larger than 2^53."""
        return self.time * 10_000 + self.serial


@lru_cache(maxsize=16_384)
def split(key: int, candle: Candle) -> tuple[Trade, ...]:
    """Return the trades of a base candle, oldest first.

    First, highest, lowest and last price are the candle's; the volumes sum to its volume
    exactly, price times volume to its turnover but for the eighth place of the volumes. Some
    share a millisecond, as the parts of one large order do.
    """
    seed = mix(key, candle.time).to_bytes(8, "little")
    draw = iter(array("I", shake_128(seed).digest(4 * _MOST_DRAWS))).__next__
    prices = _prices(draw, candle)
    volumes = _volumes(draw, candle, prices)
    times = _times(draw, candle, len(prices))
    sides = [_side(draw, here - before) for before, here in pairwise([candle.open, *prices])]
    return tuple(map(Trade, times, prices, volumes, sides, _serials(draw(), times)))


def candle_of(start: int, trades: Sequence[Trade]) -> Candle:
    """Return the candle of consecutive trades, of which there is one at least."""
    prices = [trade.price for trade in trades]
    volume = round(sum(trade.volume for trade in trades), 8)
    value = round(sum(trade.price * trade.volume for trade in trades), 8)
    return Candle(
        start, prices[0], max(prices), min(prices), prices[-1], volume, value, trades[-1].time
    )


def _prices(draw: Draw, candle: Candle) -> list[float]:
    turns = [candle.high, candle.low] if draw() % 2 else [candle.low, candle.high]
    prices = [candle.open]
    for price in (*turns, candle.close):
        if price != prices[-1]:
            prices.append(price)
    for _ in range(draw() % _MOST_EXTRAS):
        where = draw() % len(prices)
        prices.insert(where, prices[where])
    return prices


def _volumes(draw: Draw, candle: Candle, prices: list[float]) -> list[float]:
    weights = [0.1 + draw() / _DRAWN for _ in prices]
    room = (candle.high - candle.low) * _INSIDE
    mean = min(max(candle.value / candle.volume, candle.low + room), candle.high - room)
    units = shared(round(candle.volume * UNITS), balanced(weights, prices, mean))
    return [unit / UNITS for unit in units]


def _times(draw: Draw, candle: Candle, count: int) -> list[int]:
    """Return when the trades happen, the last one at the candle's; a quarter with the next one."""
    span = candle.last - candle.time
    times = sorted([candle.time + draw() * span // _DRAWN for _ in range(count - 1)])
    times.append(candle.last)
    for place in range(count - 2, -1, -1):
        if draw() % 4 == 0:
            times[place] = times[place + 1]
    return times


def _serials(draw: int, times: list[int]) -> list[int]:
    """Return the last digits of the ids: anywhere for a millisecond, counted on inside."""
    serials: list[int] = []
    for before, time in pairwise([-1, *times]):
        serials.append(serials[-1] + 1 if time == before else 1 + (draw + time) % _SERIALS)
    return serials


def _side(draw: Draw, step: float) -> Literal["ASK", "BID"]:
    if step:
        return "BID" if step > 0 else "ASK"
    return "BID" if draw() % 2 else "ASK"
