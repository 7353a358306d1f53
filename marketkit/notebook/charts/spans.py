"""Spans of time in a chart: where nothing is known, or nothing traded. Pure; ms, half-open."""

from __future__ import annotations

import polars as pl

from marketkit.timeframe import DAY, WEEK

_MONDAY = 4 * DAY  # weeks start on one, and the first after 1970-01-01 is the 5th


def floored(time: pl.Expr, width: int, phase: int = 0) -> pl.Expr:
    """Give the start of the slot of `width` that holds a time; slots as the exchange has them."""
    origin = phase + (_MONDAY if width % WEEK == 0 else 0)
    return (time - origin) // width * width + origin


def between(times: pl.Series, width: int) -> pl.DataFrame:
    """Give the spans between slots that lie apart."""
    ends = pl.DataFrame({"start": times + width, "end": times.shift(-1)})
    # Months differ in length; half a slot is more than any of them does.
    return ends.filter(pl.col("end") - pl.col("start") > width // 2)


def of_times(times: pl.Series, width: int) -> pl.DataFrame:
    """Join slots that touch into spans."""
    return merged(pl.DataFrame({"start": times, "end": times + width}))


def merged(spans: pl.DataFrame) -> pl.DataFrame:
    """Join spans that touch or overlap, given sorted by their start."""
    new = pl.col("start") > pl.col("end").cum_max().shift(1)
    group = new.fill_null(value=False).cum_sum().alias("group")
    return (
        spans.group_by(group, maintain_order=True)
        .agg(pl.col("start").min(), pl.col("end").max())
        .select("start", "end")
    )


def outward(spans: pl.DataFrame, width: int, phase: int = 0) -> pl.DataFrame:
    """Widen spans to whole slots: the shortest one stays to be seen."""
    end = floored(pl.col("end") - 1, width, phase) + width
    return merged(spans.select(floored(pl.col("start"), width, phase).alias("start"), end=end))


def inward(spans: pl.DataFrame, width: int, phase: int = 0) -> pl.DataFrame:
    """Give the whole slots inside of spans: those in which there is nothing else."""
    start = floored(pl.col("start") + width - 1, width, phase)
    whole = spans.select(start.alias("start"), end=floored(pl.col("end"), width, phase))
    return merged(whole.filter(pl.col("end") > pl.col("start")))
