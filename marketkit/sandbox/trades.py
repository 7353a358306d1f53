"""The trades inside a candle: few, always the same, adding up to exactly that candle."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from random import Random
from typing import Final, Literal, NamedTuple

from marketkit.sandbox.candle import Candle
from marketkit.sandbox.draws import mix
from marketkit.sandbox.shares import UNITS, balanced, shared

_MOST_EXTRAS: Final = 4  # enough for pages of trades, few enough to draw at once
_INSIDE: Final = 1e-6  # how far inside [low, high] a mean price must lie to be reachable


class Trade(NamedTuple):
    """One trade; `time` in ms UTC."""

    time: int
    price: float
    volume: float
    side: Literal["ASK", "BID"]

    @property
    def sequential_id(self) -> int:
        """The exchange's number of this trade: ms * 10^4, larger than 2^53."""
        return self.time * 10_000


@lru_cache(maxsize=16_384)
def split(key: int, candle: Candle) -> tuple[Trade, ...]:
    """Return the trades of a base candle, oldest first.

    First, highest, lowest and last price are the candle's; the volumes sum to its volume
    exactly, price times volume to its turnover but for the eighth place of the volumes.
    """
    draw = Random(mix(key, candle.time))
    prices = _prices(draw, candle)
    volumes = _volumes(draw, candle, prices)
    times = sorted(draw.sample(range(candle.time, candle.last), len(prices) - 1))
    sides = [_side(draw, here - before) for before, here in pairwise([candle.open, *prices])]
    return tuple(map(Trade, [*times, candle.last], prices, volumes, sides))


def candle_of(start: int, trades: Sequence[Trade]) -> Candle:
    """Return the candle of consecutive trades, of which there is one at least."""
    prices = [trade.price for trade in trades]
    volume = round(sum(trade.volume for trade in trades), 8)
    value = round(sum(trade.price * trade.volume for trade in trades), 8)
    return Candle(
        start, prices[0], max(prices), min(prices), prices[-1], volume, value, trades[-1].time
    )


def _prices(draw: Random, candle: Candle) -> list[float]:
    turns = [candle.high, candle.low] if draw.random() < 0.5 else [candle.low, candle.high]
    prices = [candle.open]
    for price in (*turns, candle.close):
        if price != prices[-1]:
            prices.append(price)
    for _ in range(draw.randrange(_MOST_EXTRAS)):
        where = draw.randrange(len(prices))
        prices.insert(where, prices[where])
    return prices


def _volumes(draw: Random, candle: Candle, prices: list[float]) -> list[float]:
    weights = [0.1 + draw.random() for _ in prices]
    room = (candle.high - candle.low) * _INSIDE
    mean = min(max(candle.value / candle.volume, candle.low + room), candle.high - room)
    units = shared(round(candle.volume * UNITS), balanced(weights, prices, mean))
    return [unit / UNITS for unit in units]


def _side(draw: Random, step: float) -> Literal["ASK", "BID"]:
    if step:
        return "BID" if step > 0 else "ASK"
    return "BID" if draw.random() < 0.5 else "ASK"
