"""The minutes of a made-up day: which of them trade, and how they add up to the day."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from itertools import accumulate, groupby, pairwise
from random import Random
from typing import Final, NamedTuple

from marketkit.sandbox.candle import Columns, columns_of, last_trade, merged
from marketkit.sandbox.draws import mix
from marketkit.sandbox.shares import UNITS, balanced, shared
from marketkit.sandbox.ticks import Tick
from marketkit.sandbox.widths import DAY, MINUTE

# Nothing trades anywhere in these minutes of a quarter's last UTC day.
_MAINTENANCE: Final = range(18 * 60, 21 * 60)
_QUARTER_ENDS: Final = {(3, 31), (6, 30), (9, 30), (12, 31)}
_OFTEN: Final = 0.25  # above this share, drawing every minute beats drawing the gaps


class Day(NamedTuple):
    """One day before it has minutes; prices in steps of `tick`, minutes counted from its start."""

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


def day_minutes(day: Day, key: int, traded: float) -> Columns:
    """Return the minute candles of a day; `traded` is the share of minutes with a trade."""
    draw = Random(mix(key + 1, day.start))
    minutes = _traded(draw, day, traded)
    paths = _paths(draw, day, len(minutes))
    weights = [0.05 + draw.random() ** 4 for _ in minutes]
    units = shared(day.units, balanced(weights, paths.means, day.mean))
    return _columns(day, key, minutes, paths, units)


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


class _Paths(NamedTuple):
    """The minutes' prices in steps, and the mean price each trades at."""

    opens: list[int]
    highs: list[int]
    lows: list[int]
    closes: list[int]
    means: list[float]


def _paths(draw: Random, day: Day, count: int) -> _Paths:
    """Return a walk from the day's open to its close that touches its high and its low."""
    if count == 1:
        return _Paths([day.open], [day.high], [day.low], [day.close], [day.mean])
    top, bottom = draw.sample(range(count), 2)
    scale = 1.5 * (day.high - day.low) / math.sqrt(count)
    points = _walk(draw, day, count, {top: day.high, bottom: day.low}, scale)
    wicks = [scale * draw.random() for _ in range(count)]
    sides = list(zip(pairwise(points), wicks, strict=True))
    highs = [min(max(pair) + int(wick), day.high) for pair, wick in sides]
    lows = [max(min(pair) - int(scale - wick), day.low) for pair, wick in sides]
    highs[top], lows[bottom] = day.high, day.low
    opens, closes = points[:-1], points[1:]
    means = [sum(prices) / 4 for prices in zip(opens, highs, lows, closes, strict=True)]
    # These two lie strictly on either side of the day's mean, so weights can always keep it.
    means[top] = max(lows[top], means[top], (day.high + day.mean) / 2)
    means[bottom] = min(highs[bottom], means[bottom], (day.low + day.mean) / 2)
    return _Paths(opens, highs, lows, closes, means)


def _walk(draw: Random, day: Day, count: int, turns: dict[int, int], scale: float) -> list[int]:
    """Return count + 1 prices through the turning points, never leaving the day's range."""
    anchors = sorted({**turns, 0: day.open, count: day.close}.items())
    points = [day.open]
    for (begin, start), (stop, end) in pairwise(anchors):
        noise = list(accumulate(draw.random() - 0.5 for _ in range(stop - begin)))
        drift = (end - start - scale * noise[-1]) / (stop - begin)
        points += [
            min(max(round(start + scale * offset + drift * number), day.low), day.high)
            for number, offset in enumerate(noise, 1)
        ]
    return points


def _columns(
    day: Day, key: int, minutes: Sequence[int], paths: _Paths, units: Sequence[int]
) -> Columns:
    num, den = day.tick
    times = [day.start + minute * MINUTE for minute in minutes]
    values = [
        round(volume / UNITS * mean * num / den, 8)
        for volume, mean in zip(units, paths.means, strict=True)
    ]
    # What rounding lost goes where it weighs least.
    largest = units.index(max(units))
    values[largest] = round(values[largest] + day.value - math.fsum(values), 8)
    opens, highs, lows, closes = (
        array("d", [steps * num / den for steps in column]) for column in paths[:4]
    )
    return Columns(
        time=array("q", times),
        open=opens,
        high=highs,
        low=lows,
        close=closes,
        volume=array("d", [volume / UNITS for volume in units]),
        value=array("d", values),
        last=array("q", [last_trade(key, time, MINUTE) for time in times]),
    )


def derived_columns(minutes: Columns, width_ms: int) -> Columns:
    """Return the candles of a width up to a day that a day's minutes add up to."""
    rows = minutes.rows(0, len(minutes.time))
    groups = groupby(rows, lambda row: row.time - row.time % width_ms)
    return columns_of([candle for start, group in groups if (candle := merged(start, group))])
