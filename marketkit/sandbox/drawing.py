"""The minutes of many made-up days at once, worked out as columns.

The tickers of all markets need two days of each: one by one that is seconds of Python. Chance is
drawn day by day, as `day_minutes` does; all arithmetic follows that function's, step by step and
in the same order, so that the last digits are the same too.
"""

from __future__ import annotations

import math
import sys
from array import array
from collections.abc import Sequence
from itertools import accumulate, compress, pairwise
from typing import Any, Final

import polars as pl

from marketkit.sandbox.chance import (
    BITS,
    DRAWS,
    GAP,
    GAPS,
    NOISE,
    WEIGHT,
    WICK,
    WIDEST_GAP,
    Chance,
    Plan,
)
from marketkit.sandbox.minutes import LEAST_WEIGHT, DayMinutes
from marketkit.sandbox.shares import UNITS, sides

_EXACT: Final = 2**53  # up to here floats count without a gap


def draw_days(plans: Sequence[Plan]) -> list[DayMinutes]:
    """Return what `day_minutes` returns for each of the plans."""
    return _Days(plans).minutes() if plans else []


class _Days:
    """Days side by side: a row is a minute, `of_day` repeats a value of a day."""

    def __init__(self, plans: Sequence[Plan]) -> None:
        self.plans = plans
        self.chances = [Chance.of(plan) for plan in plans]
        counts = [len(chance.minutes) for chance in self.chances]
        self.stops = list(accumulate(counts))
        self.begins = [0, *self.stops[:-1]]
        self.parts = [
            slice(begin, stop) for begin, stop in zip(self.begins, self.stops, strict=True)
        ]
        self.pairs = list(zip(plans, self.chances, strict=True))
        draws = b"".join([chance.draws.tobytes() for chance in self.chances])
        self.draws = _numbers(draws)
        self.row = _repeated(range(len(plans)), counts)
        self.low, self.high, self.mean = (
            self.of_day([getattr(plan.day, name) for plan in plans])
            for name in ("low", "high", "mean")
        )

    def of_day(self, values: Sequence[float]) -> pl.Series:
        """Return each day's value at all minutes of the day."""
        return pl.Series(values, dtype=pl.Float64, strict=False).gather(self.row)

    def of_chance(self, which: int) -> pl.Series:
        """Return one of the numbers drawn for each minute."""
        return self.draws.gather_every(DRAWS, which)

    def minutes(self) -> list[DayMinutes]:
        """Return the minutes of each day."""
        *prices, mean = self._paths()
        volumes = self._volumes(mean)
        sizes = array("d", volumes.to_list())
        columns: list[array[Any]] = [
            array("q", column.cast(pl.Int64).to_list()) for column in prices
        ]
        columns += [sizes, self._values(volumes, sizes, mean)]
        return [
            DayMinutes.of(plan, chance.minutes, [column[part] for column in columns])
            for (plan, chance), part in zip(self.pairs, self.parts, strict=True)
        ]

    def _paths(self) -> tuple[pl.Series, ...]:
        """Return open, high, low, close and mean price of the minutes, in steps."""
        scale = self.of_day([chance.scale for chance in self.chances])
        close = self._closes(scale)
        opening = self._opens(close)
        wick = scale * (self.of_chance(WICK) / 2**BITS)
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

    def _opens(self, close: pl.Series) -> pl.Series:
        draws, last = self.of_chance(GAP).cast(pl.Int64), close.shift()
        step = draws % (2 * WIDEST_GAP) - WIDEST_GAP
        none = pl.zeros(len(draws), dtype=pl.Int64, eager=True)
        step = (step + (step >= 0)).zip_with(draws < GAPS, none)
        opening = last + step
        inside = (opening >= self.low) & (opening <= self.high)
        opening = opening.zip_with(inside, last - step)
        firsts = [float(chance.opening(plan.day)) for plan, chance in self.pairs]
        return _higher(_lower(opening.scatter(self.begins, firsts), self.high), self.low)

    def _closes(self, scale: pl.Series) -> pl.Series:
        """Return the walks between the turns of all days, each a separate leg."""
        legs = [leg for plan, chance in self.pairs for leg in pairwise(chance.turns(plan.day))]
        lengths = pl.Series([stop - begin for (begin, _), (stop, _) in legs])
        start, end = (
            pl.Series([float(leg[side][1]) for leg in legs], dtype=pl.Float64) for side in (0, 1)
        )
        total = (self.of_chance(NOISE).cast(pl.Int64) - 2 ** (BITS - 1)).cum_sum()
        last = lengths.cum_sum() - 1  # the row each leg ends with
        before = total.gather(last).shift(fill_value=0)
        drift = end - start - scale.gather(last) * ((total.gather(last) - before) / 2**BITS)
        leg = _repeated(range(len(legs)), lengths)
        offset = (total - before.gather(leg)) / 2**BITS
        number = pl.select(pl.int_ranges(1, lengths + 1).explode()).to_series()
        points = start.gather(leg) + scale * offset + (drift / lengths).gather(leg) * number
        return _higher(_lower(points.round(), self.high), self.low)

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
        square = self.of_chance(WEIGHT) / 2**BITS
        square *= square
        weights = self._balanced(LEAST_WEIGHT + square * square, mean)
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

    def _values(self, volumes: pl.Series, sizes: array[float], mean: pl.Series) -> array[float]:
        num, den = (self.of_day([plan.day.tick[place] for plan in self.plans]) for place in (0, 1))
        values = array("d", _rounded(volumes * mean * num / den).to_list())
        for plan, part in zip(self.plans, self.parts, strict=True):
            size, own = sizes[part], values[part]
            largest = size.index(max(size))
            rest = round(own[largest] + plan.day.value - math.fsum(own), 8)
            values[part.start + largest] = rest
        return values


def _repeated(values: Sequence[float], counts: Sequence[int] | pl.Series) -> pl.Series:
    return pl.select(pl.lit(pl.Series(values)).repeat_by(pl.Series(counts)).explode()).to_series()


def _numbers(draws: bytes) -> pl.Series:
    """Return numbers of 16 bits as a column, without making a Python object of each."""
    kind = pl.Array(pl.UInt16, len(draws) // 2)
    return pl.Series([draws]).bin.reinterpret(dtype=kind, endianness=sys.byteorder).explode()


def _higher(one: pl.Series, other: pl.Series) -> pl.Series:
    return one.zip_with(one > other, other)


def _lower(one: pl.Series, other: pl.Series) -> pl.Series:
    return one.zip_with(one < other, other)


def _of_units(units: pl.Series) -> pl.Series:
    """Divide by `UNITS`: a column, because polars multiplies by the inverse of a number instead."""
    return units / pl.repeat(float(UNITS), len(units), dtype=pl.Float64, eager=True)


def _rounded(values: pl.Series) -> pl.Series:
    """Round to eight places, as the minutes of one day are."""
    return _of_units((values * UNITS).round())
