"""The highest and the lowest day of many made-up markets, all their days worked out as columns.

A year of one market is milliseconds of Python, that of nine hundred would be seconds. Every step
is the one that `PriceNoise` takes, in its order, so that the prices are the same to the last digit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import polars as pl

from marketkit.sandbox.candle import Extremes
from marketkit.sandbox.draws import mix_column, unit_column
from marketkit.sandbox.noise import OCTAVES, SWING, PriceNoise
from marketkit.sandbox.ticks import tick_columns
from marketkit.sandbox.widths import DAY

_BITS_16: Final = 0x10000  # a day's swings are drawn from 16 bits each


class Span(NamedTuple):
    """A market and some days [first, stop), counted from 1970."""

    market: PriceNoise
    first: int
    stop: int


def extremes(spans: Sequence[Span]) -> list[Extremes]:
    """Return the extremes of each market's days, of which there is one at least."""
    found: dict[Span, Extremes] = {}
    for quote in {span.market.quote for span in spans}:
        of_quote = [span for span in spans if span.market.quote == quote]
        found.update(zip(of_quote, _of_quote(quote, of_quote), strict=True))
    return [found[span] for span in spans]


def _of_quote(quote: str, spans: Sequence[Span]) -> list[Extremes]:
    first, stop = min(span.first for span in spans), max(span.stop for span in spans)
    grid = _Grid([span.market for span in spans], first, stop + 1)
    inside = (grid.day >= grid.of_market((span.first for span in spans), pl.UInt64)) & (
        grid.day < grid.of_market((span.stop for span in spans), pl.UInt64)
    )
    highs, lows = _ranges(quote, grid)
    high = grid.by_market(highs.zip_with(inside, pl.zeros(len(highs), eager=True))).arr
    low = grid.by_market(lows.zip_with(inside, pl.repeat(math.inf, len(lows), eager=True))).arr
    columns = high.max(), high.arg_max(), low.min(), low.arg_min()
    return [
        Extremes(highest, (first + high_at) * DAY, lowest, (first + low_at) * DAY)
        for highest, high_at, lowest, low_at in zip(*columns, strict=True)
    ]


class _Grid:
    """Every day [first, stop) of every market as one column, market by market."""

    def __init__(self, markets: Sequence[PriceNoise], first: int, stop: int) -> None:
        self.markets, self.first, self.width = markets, first, stop - first
        place = pl.int_range(len(markets) * self.width, dtype=pl.UInt64, eager=True)
        self.row, self._column = place // self.width, place % self.width
        self.days = pl.int_range(first, stop, dtype=pl.UInt64, eager=True)
        self.day = self.of_days(self.days)

    def of_market(self, values: Iterable[float], dtype: type[pl.DataType]) -> pl.Series:
        """Return each market's value at every day."""
        return pl.Series(list(values), dtype=dtype).gather(self.row)

    def of_days(self, values: pl.Series) -> pl.Series:
        """Return each day's value for all markets."""
        return values.gather(self._column)

    def by_market(self, values: pl.Series) -> pl.Series:
        """Return the values of each market's days as one array."""
        return values.reshape((len(self.markets), self.width))

    def keys(self) -> pl.Series:
        """Return the markets' keys."""
        return self.of_market((market.key for market in self.markets), pl.UInt64)

    def wildness(self) -> pl.Series:
        """Return how wild the markets are."""
        return self.of_market((market.wildness for market in self.markets), pl.Float64)


def _ranges(quote: str, grid: _Grid) -> tuple[pl.Series, pl.Series]:
    """Return the high and the low of every day but each market's last, which has no close."""
    opening = _prices(grid)
    closing, rises = opening.shift(-1), opening < opening.shift(-1)
    draw, swing = mix_column(grid.keys(), grid.day), SWING * grid.wildness()
    up, down = draw % _BITS_16 / _BITS_16, draw // _BITS_16 % _BITS_16 / _BITS_16
    high = closing.zip_with(rises, opening) * (1 + swing * up * up)
    low = opening.zip_with(rises, closing) * (1 - swing * down * down)
    num, den = tick_columns(quote, high)
    per = den / num
    highest, lowest = ((price * per).round().clip(1) * num / den for price in (high, low))
    return highest, lowest


def _prices(grid: _Grid) -> pl.Series:
    """Return the price at every day's start."""
    height = _knots(grid, 0)
    for octave in range(1, len(OCTAVES)):
        height += _knots(grid, octave)
    # May differ from `math.exp` in the last digit, which no price shows: all are whole steps.
    powers = (height * grid.wildness()).exp()
    return grid.of_market((market.price for market in grid.markets), pl.Float64) * powers


def _knots(grid: _Grid, octave: int) -> pl.Series:
    """Return one octave's part of the height of every day."""
    period, high = OCTAVES[octave]
    first, last = grid.first // period, (grid.first + grid.width - 1) // period
    knots = _Grid(grid.markets, first, last + 2)
    heights = high * (unit_column(knots.keys() + octave, knots.day) - 0.5)
    place = grid.row * knots.width + grid.of_days(grid.days // period - first)
    here, after = heights.gather(place), heights.gather(place + 1)
    part = grid.days % period / period
    return here + (after - here) * grid.of_days(part * part * (3 - 2 * part))
