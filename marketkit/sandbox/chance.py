"""The random part of a made-up day: the minutes that trade, and numbers for each of them."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from functools import lru_cache
from random import Random
from typing import Final, NamedTuple

from marketkit.sandbox.draws import mix
from marketkit.sandbox.shares import UNITS
from marketkit.sandbox.ticks import Tick
from marketkit.sandbox.widths import DAY

# Nothing trades anywhere in these minutes of a quarter's last UTC day.
_MAINTENANCE: Final = range(18 * 60, 21 * 60)
_QUARTER_ENDS: Final = {(3, 31), (6, 30), (9, 30), (12, 31)}
_OFTEN: Final = 0.25  # above this share, drawing every minute beats drawing the gaps


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
    """The random part of a day: the minutes that trade, and numbers for each of them."""

    minutes: list[int]
    top: int  # the places of the minutes that touch the day's high and low
    bottom: int
    scale: float  # of noise and wicks, in steps
    noise: list[float]
    wicks: list[float]
    weights: list[float]

    @classmethod
    def of(cls, plan: Plan) -> Chance:
        """Draw a day."""
        day = plan.day
        draw = Random(mix(plan.key + 1, day.start))
        minutes = _traded(draw, day, plan.traded)
        count, random = len(minutes), draw.random
        if count == 1:
            return cls(minutes, 0, 0, 0.0, [0.0], [0.0], [0.05 + random() ** 4])
        top, bottom = draw.sample(range(count), 2)
        scale = 1.5 * (day.high - day.low) / math.sqrt(count)
        noise = [random() - 0.5 for _ in minutes]
        wicks = [random() for _ in minutes]
        return cls(
            minutes, top, bottom, scale, noise, wicks, [0.05 + random() ** 4 for _ in minutes]
        )


@lru_cache(maxsize=1024)
def _is_quarter_end(day: int) -> bool:
    date = datetime.fromtimestamp(day * 86_400, UTC)
    return (date.month, date.day) in _QUARTER_ENDS


def _traded(draw: Random, day: Day, share: float) -> list[int]:
    span = range(day.first, day.final)
    if share >= 1:
        minutes = list(span)
    elif share > _OFTEN:
        minutes = [minute for minute in span if draw.random() < share]
    else:
        minutes = _sparse(draw, span, share)
    if _is_quarter_end(day.start // DAY):
        minutes = [minute for minute in minutes if minute not in _MAINTENANCE]
    return [*minutes, day.final]


def _sparse(draw: Random, span: range, share: float) -> list[int]:
    """Draw the gaps between minutes that trade: cheap where few do."""
    silent, minutes, at = math.log(1 - share), [], span.start - 1
    while (at := at + 1 + int(math.log(1 - draw.random()) / silent)) < span.stop:
        minutes.append(at)
    return minutes
