"""A market that trades only at times: another source, cut to the millisecond."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from marketkit.sandbox.candle import Candle, Extremes, merged
from marketkit.sandbox.moment import finest
from marketkit.sandbox.source import Source
from marketkit.sandbox.trades import Trade, candle_of
from marketkit.sandbox.widths import WIDTHS, Width

Hours = tuple[tuple[int, int], ...]  # [start, end) in ms UTC, ascending and apart

_ONE_DAY = WIDTHS["1d"]


class Clipped:
    """The candles and trades of a source in the hours of trading; elsewhere nothing happened.

    A candle that an hour's edge cuts is made of the trades on the open side.
    """

    def __init__(self, whole: Source, hours: Hours) -> None:
        self.key, self.listing = whole.key, whole.listing
        self._whole, self._hours = whole, hours
        self._base = finest(whole)

    def base(self, width: Width) -> Width | None:
        """Return the recorded width that `width` is made from; None when there is no such width."""
        return self._whole.base(width)

    def trades(self, candle: Candle) -> Sequence[Trade]:
        """Return the trades of a base candle, oldest first."""
        whole = self._whole.at(self._base, candle.time)
        trades = self._whole.trades(whole) if whole else ()
        return [one for one in trades if any(a <= one.time < b for a, b in self._hours)]

    def page(self, width: Width, before: int, count: int) -> list[Candle]:
        """Return the last `count` candles that start before `before`, ascending."""
        found: list[Candle] = []  # newest first
        end = self._open_before(before)
        while end and len(found) < count:
            batch = self._whole.page(width, end, count - len(found))
            if not batch:
                break
            found += filter(None, (self._clip(width, candle) for candle in reversed(batch)))
            end = self._open_before(batch[0].time)
        return found[::-1]

    def total(self, width: Width, start: int, end: int) -> Candle | None:
        """Add up the candles of `width` that start in [start, end)."""
        first, stop = _ceil(width, start), _ceil(width, end)
        hours = ((max(a, first), min(b, stop)) for a, b in self._hours)
        parts = [part for a, b in hours if a < b for part in self._parts(width, a, b)]
        return merged(start, parts)

    def at(self, width: Width, start: int) -> Candle | None:
        """Return the candle of `width` that starts at `start`."""
        candle = self._whole.at(width, start)
        return self._clip(width, candle) if candle else None

    def extremes(self, start: int, end: int) -> Extremes | None:
        """Return the highest and lowest price of the days starting in [start, end)."""
        days = self.page(_ONE_DAY, end, (end - start) // _ONE_DAY.ms)
        days = [day for day in days if day.time >= start]
        if not days:
            return None
        high, low = max(days, key=lambda day: day.high), min(days, key=lambda day: day.low)
        return Extremes(high.high, high.time, low.low, low.time)

    def _open_before(self, end: int) -> int:
        """Return the last moment up to which anything trades before `end`; 0 is never."""
        return next((min(b, end) for a, b in reversed(self._hours) if a < end), 0)

    def _clip(self, width: Width, candle: Candle) -> Candle | None:
        start, end = candle.time, width.end(candle.time)
        if any(a <= start and end <= b for a, b in self._hours):
            return candle
        return self.total(width, start, end)

    def _parts(self, width: Width, start: int, end: int) -> Iterator[Candle | None]:
        """Yield the parts of [start, end) of open time: whole candles, and the edges."""
        first, stop = _ceil(width, start), width.floor(end)
        if first > stop:
            yield from self._edge(width, start, end)
            return
        yield from self._edge(width, start, first)
        if first < stop:
            yield self._whole.total(width, first, stop)
        yield from self._edge(width, stop, end)

    def _edge(self, width: Width, start: int, end: int) -> Iterator[Candle | None]:
        """Yield the trades of a part of one candle."""
        if start >= end:
            return
        if width != self._base:
            yield from self._parts(self._base, start, end)
        elif whole := self._whole.at(width, width.floor(start)):
            trades = [one for one in self._whole.trades(whole) if start <= one.time < end]
            if trades:
                yield candle_of(whole.time, trades)


def _ceil(width: Width, time: int) -> int:
    """Return the first start of a candle at or after a time."""
    start = width.floor(time)
    return start if start == time else width.end(start)
