"""The minutes of a made-up day: some trade, and all add up to the day."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any, Final, NamedTuple

from marketkit.sandbox.candle import Candle, Columns, columns_of, last_trade
from marketkit.sandbox.chance import (
    BITS,
    DRAWS,
    GAP,
    GAPS,
    NOISE,
    WEIGHT,
    WICK,
    Chance,
    Day,
    Plan,
    gap,
)
from marketkit.sandbox.shares import UNITS, balanced, shared
from marketkit.sandbox.widths import MINUTE

LEAST_WEIGHT: Final = 0.05  # of 1: no minute that trades does so for nothing


@dataclass(frozen=True, slots=True)
class DayMinutes:
    """The minutes of one day that trade, in steps; candles are made on request."""

    day: Day
    key: int
    minutes: array[int]  # counted from the day's start
    opens: array[int]
    highs: array[int]
    lows: array[int]
    closes: array[int]
    volumes: array[float]
    values: array[float]

    @classmethod
    def of(cls, plan: Plan, minutes: list[int], columns: Sequence[array[Any]]) -> DayMinutes:
        """Return the minutes of a plan, `columns` in the order of the fields."""
        return cls(plan.day, plan.key, array("q", minutes), *columns)

    def before(self, end: int, count: int) -> list[Candle]:
        """Return the last `count` minutes that start before `end`."""
        stop = self._place(end)
        return self._rows(max(0, stop - count), stop)

    def at(self, start: int) -> Candle | None:
        """Return the minute that starts at `start`."""
        place = self._place(start)
        rows = self._rows(place, place + 1)
        return rows[0] if rows and rows[0].time == start else None

    def total(self, start: int, end: int) -> Candle | None:
        """Add up the minutes that start in [start, end)."""
        begin, stop = self._place(start), self._place(end)
        if begin >= stop:
            return None
        part, price = slice(begin, stop), self.day.tick.price
        return Candle(
            start,
            price(self.opens[begin]),
            price(max(self.highs[part])),
            price(min(self.lows[part])),
            price(self.closes[stop - 1]),
            round(sum(self.volumes[part]), 8),
            round(sum(self.values[part]), 8),
            last_trade(self.key, self._time(stop - 1), MINUTE),
        )

    def derived(self, width_ms: int) -> Columns:
        """Return the candles of a width up to a day that the minutes add up to."""
        per, start = width_ms // MINUTE, self.day.start
        starts = [start + slot * width_ms for slot in {minute // per: 0 for minute in self.minutes}]
        totals = [self.total(time, time + width_ms) for time in starts]
        return columns_of([candle for candle in totals if candle])

    def _place(self, time: int) -> int:
        """Return where the first minute that starts at `time` or later is."""
        return bisect_left(self.minutes, -((self.day.start - time) // MINUTE))

    def _time(self, place: int) -> int:
        return self.day.start + self.minutes[place] * MINUTE

    def _rows(self, begin: int, stop: int) -> list[Candle]:
        part, (num, den) = slice(begin, stop), self.day.tick
        times = [self.day.start + minute * MINUTE for minute in self.minutes[part]]
        prices = (
            [steps * num / den for steps in column[part]]
            for column in (self.opens, self.highs, self.lows, self.closes)
        )
        lasts = [last_trade(self.key, time, MINUTE) for time in times]
        return list(map(Candle, times, *prices, self.volumes[part], self.values[part], lasts))


def day_minutes(plan: Plan) -> DayMinutes:
    """Return the minutes of a day."""
    day, chance = plan.day, Chance.of(plan)
    paths = _paths(day, chance)
    units = shared(day.units, balanced(_weights(chance), paths.means, day.mean))
    volumes = [volume / UNITS for volume in units]
    values = _values(day, volumes, paths.means)
    columns: list[array[Any]] = [array("q", column) for column in paths[:4]]
    columns += [array("d", volumes), array("d", values)]
    return DayMinutes.of(plan, chance.minutes, columns)


def _weights(chance: Chance) -> list[float]:
    """Return what share of the day's volume each minute has, about: mostly little."""
    squares = [(draw / 2**BITS) * (draw / 2**BITS) for draw in chance.draws[WEIGHT::DRAWS]]
    return [LEAST_WEIGHT + square * square for square in squares]


class _Paths(NamedTuple):
    """The minutes' prices in steps, and the mean price each trades at."""

    opens: list[int]
    highs: list[int]
    lows: list[int]
    closes: list[int]
    means: list[float]


def _paths(day: Day, chance: Chance) -> _Paths:
    """Return a walk from the day's open to its close that touches the high and the low."""
    if len(chance.minutes) == 1:
        return _Paths([day.open], [day.high], [day.low], [day.close], [day.mean])
    scale, closes = chance.scale, _walk(day, chance)
    opens = _opens(day, closes, chance)
    wicks = [scale * (draw / 2**BITS) for draw in chance.draws[WICK::DRAWS]]
    # Conditions, because `max` and `min` take three times as long.
    highs = [
        (after if after > here else here) + int(wick)  # noqa: FURB136
        for here, after, wick in zip(opens, closes, wicks, strict=True)
    ]
    lows = [
        (after if after < here else here) - int(scale - wick)  # noqa: FURB136
        for here, after, wick in zip(opens, closes, wicks, strict=True)
    ]
    highs, lows = _clamped(highs, day), _clamped(lows, day)
    highs[chance.top], lows[chance.bottom] = day.high, day.low
    means = [
        (opening + high + low + closing) / 4
        for opening, high, low, closing in zip(opens, highs, lows, closes, strict=True)
    ]
    _turn(means, highs, lows, day, chance)
    return _Paths(opens, highs, lows, closes, means)


def _opens(day: Day, closes: list[int], chance: Chance) -> list[int]:
    """Return the opens: in about half of the minutes a little off the last close."""
    gaps = (gap(draw, GAPS) for draw in chance.draws[DRAWS + GAP :: DRAWS])
    opens = [
        # The other way where the day's range ends.
        close + step if day.low <= close + step <= day.high else close - step
        for close, step in zip(closes, gaps, strict=False)
    ]
    return _clamped([chance.opening(day), *opens], day)


def _turn(means: list[float], highs: list[int], lows: list[int], day: Day, chance: Chance) -> None:
    """Move the means at the turns to either side of the day's, so that weights can keep it."""
    top, bottom = chance.top, chance.bottom
    means[top] = max(lows[top], means[top], (day.high + day.mean) / 2)
    means[bottom] = min(highs[bottom], means[bottom], (day.low + day.mean) / 2)


def _walk(day: Day, chance: Chance) -> list[int]:
    """Return the closes, which never leave the day's range: by noise and a drift to each turn."""
    closes, scale = [], chance.scale
    noise = [draw - 2 ** (BITS - 1) for draw in chance.draws[NOISE::DRAWS]]
    for (begin, start), (stop, end) in pairwise(chance.turns(day)):
        offsets = [total / 2**BITS for total in accumulate(noise[begin:stop])]
        drift = (end - start - scale * offsets[-1]) / (stop - begin)
        closes += [
            round(start + scale * offset + drift * number)
            for number, offset in enumerate(offsets, 1)
        ]
    return _clamped(closes, day)


def _clamped(prices: list[int], day: Day) -> list[int]:
    """Move prices outside the day's range to the edge: mostly there are none."""
    low, high = day.low, day.high
    if low <= min(prices) and max(prices) <= high:
        return prices
    return [low if price < low else min(price, high) for price in prices]


def _values(day: Day, volumes: list[float], means: list[float]) -> list[float]:
    """Return the minutes' turnovers, which add up to the day's."""
    num, den = day.tick
    values = _rounded(
        [volume * mean * num / den for volume, mean in zip(volumes, means, strict=True)]
    )
    # What rounding lost goes where it weighs least.
    largest = volumes.index(max(volumes))
    values[largest] = round(values[largest] + day.value - math.fsum(values), 8)
    return values


def _rounded(values: list[float]) -> list[float]:
    """Round to eight places, in a way that columns can do too."""
    return [round(value * UNITS) / UNITS for value in values]
