"""How much a market trades in each hour of the week, from its minute candles; pure."""

from __future__ import annotations

import math
from collections.abc import Iterator

import polars as pl

from marketkit.cache.activity import HOUR, WEEK_HOURS, hour_of_week
from marketkit.coverage import Spans

_MINUTE = 60_000
_MONDAY = 72 * HOUR  # 1970 began on a Thursday


def hourly_rates(minutes: pl.Series, covered: Spans) -> list[float] | None:
    """Give the trades per ms to expect in each of the 168 hours of a week, Monday 00:00 UTC first.

    `minutes` are the times of the minute candles that lie in `covered`, the spans (ms UTC) in which
    it is known which minutes traded. A minute without a candle had no trade: if trades come at rate
    `r`, the share of those is `e^-r`. Where every minute traded that says no more than a lower
    bound. An hour nobody covered gets the rate of the whole; None if none is covered.
    """
    asked = _minutes_by_hour(covered)
    whole = sum(asked)
    if not whole:
        return None
    traded = [0] * WEEK_HOURS
    hours = ((minutes.dt.epoch("ms") + _MONDAY) // HOUR % WEEK_HOURS).value_counts()
    for hour, count in hours.iter_rows():
        traded[hour] = count
    mean = _rate(sum(traded), whole)
    return [_rate(here, of) if of else mean for here, of in zip(traded, asked, strict=True)]


def _rate(traded: int, asked: int) -> float:
    """Give trades per ms; half a minute more either way keeps it from nought and from infinity."""
    return -math.log1p(-(min(traded, asked) + 0.5) / (asked + 1)) / _MINUTE


def _minutes_by_hour(covered: Spans) -> list[int]:
    found = [0] * WEEK_HOURS
    for start, end in covered:
        for at, until in _hours(start, end):
            found[hour_of_week(at)] += (until - at) // _MINUTE
    return found


def _hours(start: int, end: int) -> Iterator[tuple[int, int]]:
    while start < end:
        until = min(end, (start // HOUR + 1) * HOUR)
        yield start, until
        start = until
