"""Order books around the last price: proper steps, grouped levels, thin sides."""

from __future__ import annotations

from typing import Final, NamedTuple

from marketkit.sandbox.draws import mix, unit
from marketkit.sandbox.moment import trades_before
from marketkit.sandbox.shares import UNITS
from marketkit.sandbox.source import Source
from marketkit.sandbox.ticks import Tick, tick_size
from marketkit.sandbox.trades import Trade

DEPTH: Final = 30  # levels of a whole book
STEP: Final = 100  # ms: no book changes more often, each on a phase of its own
_BUSY: Final = {"BTC", "ETH", "XRP", "SOL", "DOGE", "USDT"}
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
    """Return the price groupings of a market: powers of ten of the step, up to the price."""
    tick = tick_size(quote, price)
    levels = [0.0]
    if quote == "KRW":
        level = 10 * tick.num
        while level / tick.den <= price:
            levels.append(level / tick.den)
            level *= 10
    return levels


def book(symbol: str, key: int, trade: Trade, level: float, time: int) -> Book:
    """Return the book of a market after a change at `time`, when `trade` was the last one.

    `level` groups the prices; 0 leaves them by the market's step.
    """
    quote = symbol.partition("-")[0]
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


def shown_book(symbol: str, source: Source, level: float, now: int) -> Book | None:
    """Return the book the exchange shows at a moment; None before any trade, or for the level."""
    edge = now - (now - source.key) % STEP
    trade = next(trades_before(source, edge + 1, edge), None)
    if trade is None or level not in supported_levels(symbol.partition("-")[0], trade.price):
        return None
    own = last_change(symbol, source.key, edge)
    return book(symbol, source.key, trade, level, max(own, change_after(source.key, trade.time)))


def change_after(key: int, trade_time: int) -> int:
    """Return when a book shows a trade: at the next step of the market's own grid."""
    return trade_time + (key - trade_time) % STEP


def next_change(symbol: str, key: int, time: int) -> int:
    """Return the time of a book's next change after `time`, if no trade comes before."""
    rhythm = _rhythm(symbol, key)
    return time - (time - key) % rhythm + rhythm


def last_change(symbol: str, key: int, time: int) -> int:
    """Return when a book last changed of itself by `time`."""
    return time - (time - key) % _rhythm(symbol, key)


def _rhythm(symbol: str, key: int) -> int:
    """Return how often a book changes of itself: the busiest at every step, others rarely."""
    quote, _, base = symbol.partition("-")
    if quote != "KRW":
        return 200 * STEP
    return STEP if base in _BUSY else STEP << key % 6


def _deep(quote: str, seed: int) -> int:
    return DEPTH if quote == "KRW" else min(DEPTH, 8 + mix(seed) % 40)


def _edges(best: int, group: int, way: int) -> list[tuple[int, int]]:
    """Return each group's price in steps and the distance of the far edge, best price first."""
    first = -(-best // group) * group if way > 0 else best // group * group
    prices = [first + way * group * number for number in range(DEPTH)]
    return [(price, abs(price - best) + 1) for price in prices]


def _side(
    seed: int, size: float, edges: list[tuple[int, int]], tick: Tick, deep: int
) -> list[Slot]:
    """Return the size at each group's price, cut from one growing depth, so that groups agree."""
    slots, before = [], 0
    for price, distance in edges[:deep]:
        if price <= 0:
            break
        depth = int(size * (distance + unit(seed, distance)))
        slots.append((tick.price(price), (depth - before) / UNITS))
        before = depth
    return slots + [(0.0, 0.0)] * (DEPTH - len(slots))
