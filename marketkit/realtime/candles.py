"""Candles while forming: a slot is replaced, trades add up, the newest fifty are kept. Pure.

A stream's candle holds all trades of its slot so far, so the one sent last is the whole truth; it
may be sent again after the next slot began (Upbit reference, section 6.4, "candle").
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import msgspec

from marketkit.exchange.upbit.messages import Candle
from marketkit.timeframe import Timeframe

KEPT = 50  # candles of each symbol: more than a late one is late
EARLY = 5_000  # ms by which our clock may be behind; what was sent even later has a wrong time
_AHEAD = 300_000  # ms that a candle may be ahead of the clock; anything later is a mistake
_REMEMBERED = 1000  # trades of each symbol: more than come twice after a reconnect

Change = Literal["new", "changed", "late", "none"]
_pack, _unpack = msgspec.msgpack.Encoder().encode, msgspec.msgpack.decode


class CandleBook:
    """The newest candles of many symbols of one width, as told by a stream of candles.

    Those before the newest of each are kept as bytes, in half of the memory. `clock`
    gives the exchange's time in ms UTC; by default nothing was sent ahead of it.
    """

    def __init__(self, clock: Callable[[], int] = lambda: sys.maxsize, kept: int = KEPT) -> None:
        self._clock = clock
        self._kept = kept
        self._newest: dict[str, Candle] = {}
        self._past: dict[str, dict[int, bytes]] = {}

    def add(self, candle: Candle) -> Change:
        """Take a candle and name the change.

        `new` begins a slot that is later than all before, `changed` replaces or is the newest one,
        `late` replaces or adds an older one, `none` is a repetition, or was overtaken by a message
        that was sent after it.
        """
        symbol, time = candle.symbol, candle.time
        past, newest = self._past.setdefault(symbol, {}), self._newest.get(symbol)
        if newest is not None and time < newest.time and _of_the_future(newest):
            newest = newest if _of_the_future(candle) else self._step_back(newest)
        known = _unpacked(candle, past[time]) if time in past else newest
        if known is not None and known.time == time and not self._is_news(candle, known):
            return "none"
        if newest is None or time > newest.time:
            if newest is not None:
                past[newest.time] = _packed(newest)
            self._newest[symbol] = candle
            self._trim(past)
            return "new"
        if time == newest.time:
            self._newest[symbol] = candle
            return "changed"
        past[time] = _packed(candle)
        self._trim(past)
        return "late" if time in past else "none"

    def _step_back(self, newest: Candle) -> Candle | None:
        """Forget the newest candle of a symbol, and give the one before."""
        past = self._past[newest.symbol]
        if not past:
            del self._newest[newest.symbol]
            return None
        before = _unpacked(newest, past[max(past)])
        self._newest[newest.symbol] = before
        del past[before.time]
        return before

    def _trim(self, past: dict[int, bytes]) -> None:
        """Let the oldest candle go where there are too many with the newest one."""
        if len(past) >= self._kept:
            del past[min(past)]

    def _is_news(self, candle: Candle, known: Candle) -> bool:
        """Say whether a candle tells new numbers of a slot.

        Numbers sent before the known ones do not, unless those say to be of a moment to come.
        """
        sent = known.sent
        overtaken = candle.sent < sent <= max(candle.sent, self._clock()) + EARLY
        return not overtaken and not same(known, candle)

    def newest(self, symbol: str) -> int | None:
        """Give where the newest slot of a symbol starts, None before the first."""
        newest = self._newest.get(symbol)
        return None if newest is None else newest.time

    def last(self) -> dict[str, Candle]:
        """Give the candle of the newest slot of each symbol."""
        return self._newest.copy()

    def newest_of(self, symbol: str) -> Candle | None:
        """Give the candle of the newest slot of a symbol, None before the first."""
        return self._newest.get(symbol)

    def count(self, symbol: str, since: int) -> int:
        """Count the candles of a symbol that are kept, from the slot on that starts at `since`."""
        newest, past = self._known(symbol)
        times = past if newest is None else {newest.time, *past}
        return sum(time >= since for time in times)

    def of(self, symbol: str, rows: int | None = None) -> list[Candle]:
        """Give the candles of a symbol that are kept, ascending: all, or the newest `rows`."""
        newest, past = self._known(symbol)
        if newest is None:
            return []
        times = sorted({newest.time, *past})[-(rows or 0) :]
        return [newest if at == newest.time else _unpacked(newest, past[at]) for at in times]

    def _known(self, symbol: str) -> tuple[Candle | None, dict[int, bytes]]:
        """Give the newest candle and the others, for another thread may read while messages come.

        The newest is among the others, too, when the next has come meanwhile.
        """
        return self._newest.get(symbol), self._past.get(symbol, {}).copy()

    def forget(self, symbol: str) -> None:
        """Drop all messages of a symbol."""
        self._newest.pop(symbol, None)
        self._past.pop(symbol, None)


def _packed(candle: Candle) -> bytes:
    """Give a candle as bytes, all but the symbol."""
    return _pack(msgspec.structs.astuple(candle)[1:])


def _unpacked(like: Candle, content: bytes) -> Candle:
    """Make a candle of bytes, with the kind and the symbol of another one."""
    return type(like)(like.symbol, *_unpack(content))


def _of_the_future(candle: Candle) -> bool:
    """Say whether a candle was sent long before the slot begins: no exchange can do that."""
    return candle.time > candle.sent + _AHEAD


def same(one: Candle, other: Candle) -> bool:
    """Say whether two candles of a slot have the same numbers."""
    return (
        one.volume == other.volume
        and one.close == other.close
        and one.value == other.value
        and one.high == other.high
        and one.low == other.low
        and one.open == other.open
    )


@dataclass(slots=True)
class Bar:
    """A candle that trades add up to; `first` and `last` are the first trade and the last one."""

    time: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    value: float
    first: int
    last: int


class TradeCandles:
    """Candles of any width out of single trades, of many symbols; the newest are kept.

    A trade counts once however often it comes, and in its own slot and place however late.
    The slot in which listening began lacks the trades before: its candle is never whole.
    """

    def __init__(self, timeframe: Timeframe, kept: int = KEPT) -> None:
        self._timeframe = timeframe
        self._kept = kept
        self._bars: dict[str, deque[Bar]] = {}
        self._seen: dict[str, dict[int, None]] = {}

    def add(self, symbol: str, time: int, price: float, volume: float, number: int) -> Bar | None:
        """Take a trade, numbered so that later ones have higher numbers, and give the candle.

        None for one that is known, or older than all that is kept.
        """
        seen = self._seen.get(symbol)
        if seen is None:
            seen = self._seen[symbol] = {}
            self._bars[symbol] = deque(maxlen=self._kept)
        elif number in seen:
            return None
        seen[number] = None
        if len(seen) > _REMEMBERED:
            del seen[next(iter(seen))]
        bars = self._bars[symbol]
        bar = bars[-1] if bars else None
        # Whether the trade lies in the newest slot is known without calendar arithmetic.
        if bar is None or not bar.time <= time < bar.time + self._timeframe.width:
            bar = self._bar(bars, self._timeframe.floor(time), price, number)
        if bar is not None:
            _add(bar, price, volume, number)
        return bar

    def of(self, symbol: str) -> list[Bar]:
        """Give the candles of a symbol that are kept, ascending."""
        return list(self._bars.get(symbol, ()))

    def _bar(self, bars: deque[Bar], start: int, price: float, number: int) -> Bar | None:
        """Find or begin the candle of a slot; None for one before all that are kept."""
        if bars and start <= bars[-1].time:
            known = next((bar for bar in bars if bar.time == start), None)
            if known is not None or len(bars) == bars.maxlen:
                return known
        bar = Bar(start, price, price, price, price, 0.0, 0.0, number, number)
        later = [each for each in bars if each.time > start]
        for _ in later:
            bars.pop()
        bars.append(bar)
        bars.extend(later)
        return bar


def _add(bar: Bar, price: float, volume: float, number: int) -> None:
    bar.volume += volume
    bar.value += price * volume
    if price > bar.high:
        bar.high = price
    elif price < bar.low:
        bar.low = price
    if number >= bar.last:
        bar.last, bar.close = number, price
    elif number < bar.first:
        bar.first, bar.open = number, price
