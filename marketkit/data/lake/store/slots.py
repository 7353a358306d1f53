"""Slots in columns of times: which times open one, their numbers and ends, all of a span. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from marketkit.coverage import Span
from marketkit.schema import TIME
from marketkit.timeframe import Timeframe


def opens_slot(timeframe: Timeframe, time: pl.Expr) -> pl.Expr:
    """Say which times are slot starts."""
    if timeframe.is_calendar:
        return time.dt.truncate(timeframe.every) == time
    return (time.cast(pl.Int64) - timeframe.floor(0)) % timeframe.width == 0


def slot_number(timeframe: Timeframe, time: pl.Expr) -> pl.Expr:
    """Number the slots that times lie in, so that neighbours differ by one."""
    if timeframe.name == "1y":
        return time.dt.year().cast(pl.Int64)
    if timeframe.is_calendar:
        return time.dt.year().cast(pl.Int64) * 12 + time.dt.month()
    return (time.cast(pl.Int64) - timeframe.floor(0)) // timeframe.width


def slot_end(timeframe: Timeframe, time: pl.Expr) -> pl.Expr:
    """Give in ms the ends of the slots that open at times."""
    if timeframe.is_calendar:
        return time.dt.offset_by(timeframe.every).cast(pl.Int64)
    return time.cast(pl.Int64) + timeframe.width


def count_slots(timeframe: Timeframe, spans: Sequence[Span]) -> list[int]:
    """Count the slots that open in each span, as `Timeframe.count` does."""
    if timeframe.is_calendar:
        return [timeframe.count(*span) for span in spans]
    # Without a call each: hundreds of markets have many. As Series they would take four times as
    # long.
    origin, width = timeframe.floor(0), timeframe.width
    return [(origin - start) // width - (origin - end) // width for start, end in spans]


def slots_of(timeframe: Timeframe, span: Span) -> pl.Series:
    """List the slots of a span that begins and ends with one."""
    if not timeframe.is_calendar:
        return pl.int_range(*span, timeframe.width, eager=True).cast(TIME)
    start, end = (pl.lit(edge).cast(TIME) for edge in span)
    return pl.select(pl.datetime_range(start, end, timeframe.every, closed="left")).to_series()
