"""The share of each state in every day. Pure."""

from __future__ import annotations

import polars as pl

from marketkit.data.lake.report.coverage import SPAN_STATE
from marketkit.schema import TIME, Schema
from marketkit.timeframe import DAY, Timeframe

_STATES = SPAN_STATE.categories.to_list()

CALENDAR: Schema = {
    "symbol": pl.String(),
    "date": pl.Date(),
    "slots": pl.Int64(),
    **dict.fromkeys(_STATES, pl.Float64()),
}


def calendar(coverage: pl.DataFrame, timeframe: Timeframe) -> pl.DataFrame:
    """Give one row per symbol and UTC day from spans of `report.COVERAGE`.

    Shares are of the day's time that lies in the spans, and add up to 1; `slots` are the slots that
    begin on the day, or 1 where one wider than a day goes on.
    """
    start, end = (pl.col(edge).cast(pl.Int64) for edge in ("start", "end"))
    days = coverage.select(
        "symbol",
        "state",
        start.alias("start"),
        end.alias("end"),
        day=pl.int_ranges(start // DAY, (end - 1) // DAY + 1),
    ).explode("day", empty_as_null=False)
    day = pl.col("day") * DAY
    shares = days.select(
        "symbol",
        "state",
        date=day.cast(TIME).dt.date(),
        ms=pl.min_horizontal("end", day + DAY) - pl.max_horizontal("start", day),
    )
    ms = pl.col("ms")
    width = min(timeframe.width, DAY)
    return (
        shares.group_by("symbol", "date")
        .agg(
            (ms.sum() // width).alias("slots"),
            *(
                (ms.filter(pl.col("state") == state).sum() / ms.sum()).alias(state)
                for state in _STATES
            ),
        )
        .sort("symbol", "date")
        .select(*CALENDAR)
    )
