"""Candles in memory: one candle, and sorted columns of candles."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeVar

import polars as pl

Number = TypeVar("Number", int, pl.Expr)

_SPREAD: Final = 2_654_435_761  # Knuth's multiplicative hash


class Candle(NamedTuple):
    """One candle; `time` is the start and `last` the last trade, both in ms UTC."""

    time: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    value: float
    last: int


class Extremes(NamedTuple):
    """The highest and the lowest price of some days, each with the first such day."""

    high: float
    high_day: int
    low: float
    low_day: int


@dataclass(frozen=True, slots=True)
class Columns:
    """Candles of one width, ascending, as typed arrays: years of minutes stay small."""

    time: array[int]
    open: array[float]
    high: array[float]
    low: array[float]
    close: array[float]
    volume: array[float]
    value: array[float]
    last: array[int]

    def rows(self, begin: int, stop: int) -> list[Candle]:
        """Return the candles at positions [begin, stop)."""
        part = slice(begin, stop)
        fields = (self.time, self.open, self.high, self.low, self.close)
        return list(
            map(
                Candle,
                *(column[part] for column in fields),
                self.volume[part],
                self.value[part],
                self.last[part],
            )
        )

    def before(self, end: int, count: int) -> list[Candle]:
        """Return the last `count` candles that start before `end`."""
        stop = bisect_left(self.time, end)
        return self.rows(max(0, stop - count), stop)

    def at(self, start: int) -> Candle | None:
        """Return the candle that starts at `start`."""
        found = self.rows(where := bisect_left(self.time, start), where + 1)
        return found[0] if found and found[0].time == start else None

    def total(self, start: int, end: int) -> Candle | None:
        """Add up the candles that start in [start, end)."""
        begin, stop = bisect_left(self.time, start), bisect_left(self.time, end)
        if begin >= stop:
            return None
        part = slice(begin, stop)
        return Candle(
            start,
            self.open[begin],
            max(self.high[part]),
            min(self.low[part]),
            self.close[stop - 1],
            round(sum(self.volume[part]), 8),
            round(sum(self.value[part]), 8),
            self.last[stop - 1],
        )


def columns_of(candles: Iterable[Candle]) -> Columns:
    """Return ascending candles as columns."""
    kinds = {"time": "q", "last": "q"}
    columns = zip(Candle._fields, zip(*candles, strict=True), strict=True)
    return Columns(**{name: array(kinds.get(name, "d"), column) for name, column in columns})


def merged(start: int, parts: Iterable[Candle | None]) -> Candle | None:
    """Return one candle made of consecutive ones, or None when there are none."""
    candles = [part for part in parts if part is not None]
    if not candles:
        return None
    if len(candles) == 1:
        return candles[0]._replace(time=start)
    return Candle(
        start,
        candles[0].open,
        max(candle.high for candle in candles),
        min(candle.low for candle in candles),
        candles[-1].close,
        round(sum(candle.volume for candle in candles), 8),
        round(sum(candle.value for candle in candles), 8),
        candles[-1].last,
    )


def last_trade(key: int, start: Number, width_ms: int) -> Number:
    """Return the time of a candle's last trade: in the last third, always the same.

    Takes one start or a column of them; nothing in it leaves 63 bits.
    """
    return start + width_ms - 1 - (start // width_ms * _SPREAD + key) % 2**32 % (width_ms // 3)
