"""Order books around the last price: proper steps, grouped levels, thin sides."""

from __future__ import annotations

from typing import Final, NamedTuple

from marketkit.sandbox.draws import mix, unit
from marketkit.sandbox.shares import UNITS
from marketkit.sandbox.ticks import Tick, tick_size
from marketkit.sandbox.trades import Trade

DEPTH: Final = 30
_WORTH: Final = {"KRW": 3_000_000.0, "BTC": 0.02, "USDT": 2_000.0}  # of one step, about
Slot = tuple[float, float]  # price, size


class Book(NamedTuple):
    """Both sides from the best price on; a thin side is padded with (0, 0)."""

    time: int  # of its last change
    asks: list[Slot]
    bids: list[Slot]


def book_tick(quote: str, price: float) -> Tick:
    """Return a step that is proper for every price of a book."""
    tick = tick_size(quote, price)
    return tick_size(quote, price + 2 * DEPTH * tick.num / tick.den)


def supported_levels(quote: str, price: float) -> list[float]:
    """Return the price groupings a market offers: powers of ten of its step, up to its price."""
    tick = tick_size(quote, price)
    levels = [0.0]
    if quote == "KRW":
        level = 10 * tick.num
        while level / tick.den <= price:
            levels.append(level / tick.den)
            level *= 10
    return levels


def book(symbol: str, key: int, trade: Trade, level: float, now: int) -> Book:
    """Return the book of a market after its last trade, grouped by `level` (0: by its step)."""
    quote = symbol.partition("-")[0]
    time = _last_change(quote, key, now)
    tick = book_tick(quote, trade.price)
    # The last trade met the side it took from.
    ask = tick.steps(trade.price) + (trade.side == "ASK")
    group = max(1, round(level * tick.den / tick.num))
    size = _WORTH.get(quote, 1.0) / trade.price * UNITS
    seed = mix(key, time)
    return Book(
        time,
        _side(seed, size, _edges(ask, group, 1), tick, _deep(quote, seed)),
        _side(seed + 1, size, _edges(ask - 1, group, -1), tick, _deep(quote, seed + 1)),
    )


def _last_change(quote: str, key: int, now: int) -> int:
    """Books change on a grid whose phase is the market's own; outside KRW rarely."""
    grid = 100 if quote == "KRW" else 20_000
    return now - (now - key) % grid


def _deep(quote: str, seed: int) -> int:
    return DEPTH if quote == "KRW" else min(DEPTH, 8 + mix(seed) % 40)


def _edges(best: int, group: int, way: int) -> list[tuple[int, int]]:
    """Return price in steps and distance at its far edge, for each group from the best price on."""
    first = -(-best // group) * group if way > 0 else best // group * group
    prices = [first + way * group * number for number in range(DEPTH)]
    return [(price, abs(price - best) + 1) for price in prices]


def _side(
    seed: int, size: float, edges: list[tuple[int, int]], tick: Tick, deep: int
) -> list[Slot]:
    """Return what rests in each group, taken from one growing depth, so that groups agree."""
    slots, before = [], 0
    for price, distance in edges[:deep]:
        if price <= 0:
            break
        depth = int(size * (distance + unit(seed, distance)))
        slots.append((tick.price(price), (depth - before) / UNITS))
        before = depth
    return slots + [(0.0, 0.0)] * (DEPTH - len(slots))
