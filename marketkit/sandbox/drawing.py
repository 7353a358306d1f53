"""The minutes of many made-up days at once, worked out as columns.

The tickers of all markets need two days of each: one by one that is seconds of Python. Chance is
drawn day by day, as `day_minutes` does; all arithmetic follows that function's, step by step and
in the same order, so that the last digits are the same too.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from itertools import accumulate, compress
from typing import Final

import polars as pl

from marketkit.sandbox.chance import Chance, Plan
from marketkit.sandbox.minutes import CERTAIN, NEAR_TIE, DayMinutes, segments
from marketkit.sandbox.shares import UNITS, sides

_EXACT: Final = 2**53  # up to here floats count without a gap
_COARSE: Final = 2.0**26  # from here floats are further apart than eight places: none is changed


def draw_days(plans: Sequence[Plan]) -> list[DayMinutes]:
    """Return what `day_minutes` returns for each of the plans."""
    return _Days(plans).minutes() if plans else []


class _Days:
    """Days side by side: a row is a minute, `of_day` repeats a value of its day."""

    def __init__(self, plans: Sequence[Plan]) -> None:
        self.plans = plans
        self.chances = [Chance.of(plan) for plan in plans]
        counts = [len(chance.minutes) for chance in self.chances]
        self.stops = list(accumulate(counts))
        self.begins = [0, *self.stops[:-1]]
        self.parts = [
            slice(begin, stop) for begin, stop in zip(self.begins, self.stops, strict=True)
        ]
        self.row = _repeated(range(len(plans)), counts)
        self.low, self.high, self.mean = (
            self.of_day([getattr(plan.day, name) for plan in plans])
            for name in ("low", "high", "mean")
        )

    def of_day(self, values: Sequence[float]) -> pl.Series:
        """Return each day's value at all minutes of the day."""
        return pl.Series(values, dtype=pl.Float64, strict=False).gather(self.row)

    def of_chance(self, name: str) -> pl.Series:
        """Return what was drawn for each minute."""
        drawn = [each for chance in self.chances for each in getattr(chance, name)]
        return pl.Series(drawn, dtype=pl.Float64)

    def minutes(self) -> list[DayMinutes]:
        """Return the minutes of each day."""
        paths = self._paths()
        volumes = self._volumes(paths[4])
        values = self._values(volumes, paths[4])
        columns = [("q", column.cast(pl.Int64).to_list()) for column in paths[:4]]
        columns += [("d", column.to_list()) for column in (volumes, values)]
        return [
            DayMinutes.of(
                plan, chance.minutes, [array(kind, column[part]) for kind, column in columns]
            )
            for plan, chance, part in zip(self.plans, self.chances, self.parts, strict=True)
        ]

    def _paths(self) -> tuple[pl.Series, ...]:
        """Return open, high, low, close and mean price of the minutes, in steps."""
        scale = self.of_day([chance.scale for chance in self.chances])
        close = self._closes(scale)
        first = (self.row != self.row.shift()).fill_null(value=True)
        opening = self.of_day([plan.day.open for plan in self.plans]).zip_with(first, close.shift())
        wick = scale * self.of_chance("wicks")
        high = _lower(_higher(opening, close) + wick.floor(), self.high)
        low = _higher(_lower(opening, close) - (scale - wick).floor(), self.low)
        days = [plan.day for plan in self.plans]
        tops, bottoms = self._turns("top"), self._turns("bottom")
        high, low = (
            high.scatter(tops, [float(day.high) for day in days]),
            low.scatter(bottoms, [float(day.low) for day in days]),
        )
        mean = (opening + high + low + close) / 4
        return opening, high, low, close, self._turned(mean, high, low)

    def _closes(self, scale: pl.Series) -> pl.Series:
        walks = [
            segment
            for plan, chance in zip(self.plans, self.chances, strict=True)
            for segment in segments(plan.day, chance)
        ]
        lengths = [len(walk.offsets) for walk in walks]
        start, drift = (
            _repeated([float(getattr(walk, name)) for walk in walks], lengths)
            for name in ("start", "drift")
        )
        offset = pl.Series([each for walk in walks for each in walk.offsets], dtype=pl.Float64)
        number = pl.select(pl.int_ranges(1, pl.Series(lengths) + 1).explode()).to_series()
        points = (start + scale * offset + drift * number).round()
        return _higher(_lower(points, self.high), self.low)

    def _turns(self, name: str) -> list[int]:
        return [
            begin + getattr(chance, name)
            for begin, chance in zip(self.begins, self.chances, strict=True)
        ]

    def _turned(self, mean: pl.Series, high: pl.Series, low: pl.Series) -> pl.Series:
        """Move the mean prices at the turns to either side of the day's."""
        many = [len(chance.minutes) > 1 for chance in self.chances]
        days = [plan.day for plan in compress(self.plans, many)]
        tops, bottoms = (list(compress(self._turns(name), many)) for name in ("top", "bottom"))
        upper = zip(low.gather(tops), mean.gather(tops), days, strict=True)
        lower = zip(high.gather(bottoms), mean.gather(bottoms), days, strict=True)
        above = [max(at, own, (day.high + day.mean) / 2) for at, own, day in upper]
        below = [min(at, own, (day.low + day.mean) / 2) for at, own, day in lower]
        return mean.scatter(tops, above).scatter(bottoms, below)

    def _volumes(self, mean: pl.Series) -> pl.Series:
        weights = self._balanced(self.of_chance("weights"), mean)
        plain = weights.to_list()
        units = [plan.day.units for plan in self.plans]
        scales = [whole / sum(plain[part]) for whole, part in zip(units, self.parts, strict=True)]
        least = [
            float(whole >= part.stop - part.start)
            for whole, part in zip(units, self.parts, strict=True)
        ]
        shares = _higher((weights * self.of_day(scales)).floor(), self.of_day(least))
        plain, places, rest = shares.to_list(), [], []
        for whole, part in zip(units, self.parts, strict=True):
            own = plain[part]
            most = max(own)
            total = int(sum(own)) if whole < _EXACT else sum(map(int, own))
            places.append(part.start + own.index(most))
            rest.append((int(most) + whole - total) / UNITS)
        return _of_units(shares).scatter(places, rest)

    def _balanced(self, weights: pl.Series, mean: pl.Series) -> pl.Series:
        nothing = pl.zeros(len(mean), dtype=pl.Float64, eager=True)
        up = (mean - self.mean) > 0
        above = (weights * (mean - self.mean)).zip_with(up, nothing).to_list()
        below = (weights * (self.mean - mean)).zip_with(mean < self.mean, nothing).to_list()
        factors = [sides(sum(above[part]), sum(below[part])) for part in self.parts]
        ups, downs = (self.of_day(column) for column in zip(*factors, strict=True))
        return weights * ups.zip_with(up, downs)

    def _values(self, volumes: pl.Series, mean: pl.Series) -> pl.Series:
        num, den = (self.of_day([plan.day.tick[place] for plan in self.plans]) for place in (0, 1))
        values = _rounded(volumes * mean * num / den)
        plain, sizes = values.to_list(), volumes.to_list()
        places, rest = [], []
        for plan, part in zip(self.plans, self.parts, strict=True):
            size, own = sizes[part], plain[part]
            largest = size.index(max(size))
            places.append(part.start + largest)
            rest.append(round(own[largest] + plan.day.value - math.fsum(own), 8))
        return values.scatter(places, rest)


def _repeated(values: Sequence[float], counts: Sequence[int]) -> pl.Series:
    return pl.select(pl.lit(pl.Series(values)).repeat_by(pl.Series(counts)).explode()).to_series()


def _higher(one: pl.Series, other: pl.Series) -> pl.Series:
    return one.zip_with(one > other, other)


def _lower(one: pl.Series, other: pl.Series) -> pl.Series:
    return one.zip_with(one < other, other)


def _of_units(units: pl.Series) -> pl.Series:
    """Divide by `UNITS`: a column, because polars multiplies by the inverse of a number instead."""
    return units / pl.repeat(float(UNITS), len(units), dtype=pl.Float64, eager=True)


def _rounded(values: pl.Series) -> pl.Series:
    """Round to eight places as `round` does, by `round` itself only where in doubt."""
    units = values * UNITS
    wholes = units.round()
    coarse = values >= _COARSE
    doubtful = ((units - wholes).abs() >= NEAR_TIE) | (values > CERTAIN)
    places = (doubtful & ~coarse).arg_true()
    exact = [round(value, 8) for value in values.gather(places).to_list()]
    return values.zip_with(coarse, _of_units(wholes)).scatter(places, exact)
