"""The random part of a made-up day: the minutes that trade, and numbers for each."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import shake_128
from typing import Final, NamedTuple

from marketkit.sandbox.draws import mix
from marketkit.sandbox.shares import UNITS
from marketkit.sandbox.ticks import Tick
from marketkit.sandbox.widths import DAY

# Nothing trades anywhere in these minutes of a quarter's last UTC day.
_MAINTENANCE: Final = range(18 * 60, 21 * 60)
_QUARTER_ENDS: Final = {(3, 31), (6, 30), (9, 30), (12, 31)}
_OFTEN: Final = 0.25  # above this share every minute is drawn for, below so many of them
BITS: Final = 16  # of every number drawn: finer than any price shows
DRAWS: Final = 4  # numbers for each minute
NOISE, WICK, WEIGHT, GAP = range(DRAWS)
# Real minutes open at another price than the last close in 47 of 100 cases; a range of few steps
# leaves some gaps out. Of 199 real days 7 opened at another price than their first hour.
GAPS: Final = round(0.475 * 2**BITS)
ODD_DAYS: Final = round(7 / 199 * 2**BITS)
WIDEST_GAP: Final = 3  # steps


class Day(NamedTuple):
    """One day without minutes; prices in steps of `tick`, minutes counted from the start."""

    start: int
    tick: Tick
    open: int
    high: int
    low: int
    close: int
    units: int  # volume in 1e-8
    first: int  # the first minute that may trade: later on the day of listing
    final: int  # the last minute that does

    @property
    def mean(self) -> float:
        """The day's mean price, in steps."""
        return (self.open + self.high + self.low + self.close) / 4

    @property
    def value(self) -> float:
        """The day's turnover."""
        return round(self.units / UNITS * self.mean * self.tick.num / self.tick.den, 8)


def is_maintenance(day_start: int, minute: int) -> bool:
    """Whether the exchange is closed for maintenance in a minute of a day."""
    return minute in _MAINTENANCE and _is_quarter_end(day_start // DAY)


class Plan(NamedTuple):
    """A day of one market, and the share of minutes with a trade."""

    day: Day
    key: int
    traded: float


class Chance(NamedTuple):
    """The random part of a day: the minutes that trade, and `DRAWS` numbers for each."""

    minutes: list[int]
    top: int  # the places of the minutes that touch the day's high and low
    bottom: int
    scale: float  # of noise and wicks, in steps
    draws: array[int]  # of `BITS`, minute by minute: noise, wick, weight, gap

    @classmethod
    def of(cls, plan: Plan) -> Chance:
        """Draw a whole day from one hash."""
        day, span = plan.day, plan.day.final - plan.day.first
        tries = _tries(span, plan.traded)
        size = 2 + tries + DRAWS * (tries + 1)
        seed = mix(plan.key + 1, day.start).to_bytes(8, "little")
        numbers = array("H", shake_128(seed).digest(2 * size))
        minutes = _traded(numbers[2 : 2 + tries], day, plan.traded)
        count = len(minutes)
        draws = numbers[2 + tries : 2 + tries + DRAWS * count]
        if count == 1:
            return cls(minutes, 0, 0, 0.0, draws)
        top = numbers[0] % count
        bottom = (top + 1 + numbers[1] % (count - 1)) % count
        scale = 1.5 * (day.high - day.low) / math.sqrt(count)
        return cls(minutes, top, bottom, scale, draws)

    def opening(self, day: Day) -> int:
        """Return where the first minute opens: at the day's own open, but for one day in thirty."""
        if len(self.minutes) == 1:
            return day.open
        return min(max(day.open + gap(self.draws[GAP], ODD_DAYS), day.low), day.high)

    def turns(self, day: Day) -> list[tuple[int, int]]:
        """Return places and prices between which the day walks, from the open to the close."""
        count = len(self.minutes)
        if count == 1:
            return [(0, day.close), (1, day.close)]
        turns = {self.top: day.high, self.bottom: day.low, 0: day.open, count: day.close}
        return sorted(turns.items())


def gap(draw: int, most: int) -> int:
    """Return the steps between a close and the next open; there are none from `most` on."""
    if draw >= most:
        return 0
    step = draw % (2 * WIDEST_GAP) - WIDEST_GAP
    return step + (step >= 0)


@lru_cache(maxsize=1024)
def _is_quarter_end(day: int) -> bool:
    date = datetime.fromtimestamp(day * 86_400, UTC)
    return (date.month, date.day) in _QUARTER_ENDS


def _tries(span: int, share: float) -> int:
    """Return how many numbers are drawn to choose the minutes that trade."""
    return span if share > _OFTEN else round(-span * math.log(1 - share))


def _traded(draws: array[int], day: Day, share: float) -> list[int]:
    first, span = day.first, day.final - day.first
    minutes: Iterable[int] = range(first, day.final)
    if share > _OFTEN:
        most = round(share * 2**BITS)
        minutes = [minute for minute, draw in zip(minutes, draws, strict=True) if draw < most]
    else:
        # The same minute may be drawn twice, which `_tries` allows for.
        minutes = sorted({first + (draw * span >> BITS) for draw in draws})
    if _is_quarter_end(day.start // DAY):
        minutes = [minute for minute in minutes if minute not in _MAINTENANCE]
    return [*minutes, day.final]
