"""Findings about markets, gathered to one row a day. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import polars as pl

from marketkit.data.lake.quality.score import scored
from marketkit.data.lake.report.calendar import CALENDAR
from marketkit.schema import NUMBERS, TIME, Schema
from marketkit.timeframe import DAY, Timeframe

_DIFFERS = {name: f"{name}_differs" for name in NUMBERS}

QUALITY: Schema = {
    "symbol": pl.String(),
    "date": pl.Date(),
    "score": pl.Float64(),
    "reasons": pl.String(),
    **{name: kind for name, kind in CALENDAR.items() if name not in {"symbol", "date"}},
    "longest_hole": pl.Int64(),
    "compared": pl.Int64(),
    "differing": pl.Int64(),
    **dict.fromkeys(_DIFFERS.values(), pl.Int64()),
    "trade_slots": pl.Int64(),
    "trade_differs": pl.Int64(),
    "checked": pl.Int64(),
    "check_differs": pl.Int64(),
    "revised": pl.Int64(),
    "outliers": pl.Int64(),
    "impossible": pl.Int64(),
    "worst_move": pl.Float64(),
    "worst_at": TIME,
    "wrong_turnover": pl.Int64(),
}
_KEY = ["symbol", "date"]
_COUNTS = ("longest_hole", "compared", "differing", *_DIFFERS.values(), "revised")


def holes(coverage: pl.DataFrame, timeframe: Timeframe) -> pl.DataFrame:
    """Give the slots of the longest unknown span of each day: `symbol date longest_hole`."""
    start, end = (pl.col(edge).cast(pl.Int64) for edge in ("start", "end"))
    unknown = coverage.filter(pl.col("state") == "unknown").select(
        "symbol",
        start=start,
        end=end,
        day=pl.int_ranges(start // DAY, (end - 1) // DAY + 1),
    )
    day = pl.col("day") * DAY
    ms = pl.min_horizontal("end", day + DAY) - pl.max_horizontal("start", day)
    longest = (ms.max() / min(timeframe.width, DAY)).ceil().cast(pl.Int64)
    cut = unknown.explode("day", empty_as_null=False)
    return cut.group_by("symbol", date=day.cast(TIME).dt.date()).agg(longest_hole=longest)


def widths(found: pl.DataFrame) -> pl.DataFrame:
    """Sum identities up by day, in numbers and words: `IDENTITIES` with a symbol to columns.

    `worst_share` is that of the pair of widths that differs most.
    """
    differing = pl.col("differing") - pl.col("opens")
    fields = pl.concat_str(
        [pl.when(pl.col(name) > 0).then(pl.lit(name)) for name in NUMBERS],
        separator=", ",
        ignore_nulls=True,
    )
    said = pl.format(
        "{} of {} slots differ from {} ({})", "differing", "compared", "against", fields
    )
    return found.group_by(_KEY, maintain_order=True).agg(
        pl.col("compared", "differing", "opens").sum(),
        pl.col(*NUMBERS).sum().name.map(_DIFFERS.__getitem__),
        worst_share=(differing / pl.col("compared")).max(),
        widths=said.filter(pl.col("differing") > 0).str.join("; "),
    )


def against_trades(found: pl.DataFrame) -> pl.DataFrame:
    """Give the counts of a comparison with trades as columns of a day."""
    counts = {"trade_slots": pl.col("compared"), "trade_differs": pl.col("differing")}
    by = found.group_by(_KEY, maintain_order=True)
    return by.agg(each.sum().alias(name) for name, each in counts.items())


class Check(Protocol):
    """A page of REST that was held against candles; times are ms UTC."""

    @property
    def start(self) -> int:
        """The first slot."""

    @property
    def end(self) -> int:
        """The end of the last slot."""

    @property
    def differing(self) -> int:
        """How many slots differ."""

    @property
    def first(self) -> int | None:
        """The first differing slot, None where none differs."""


def checks(found: Iterable[tuple[str, Check]], timeframe: Timeframe) -> pl.DataFrame:
    """Count by day all and differing slots of checks: `symbol date checked check_differs`.

    Those that differ count for the day of the first of them.
    """
    rows = [
        (symbol, day, timeframe.count(*part), _differing(check, day))
        for symbol, check in found
        for day in range(check.start - check.start % DAY, check.end, DAY)
        if (part := (max(day, check.start), min(day + DAY, check.end)))
    ]
    counts = {"checked": pl.Int64(), "check_differs": pl.Int64()}
    told = pl.DataFrame(rows, {"symbol": pl.String(), "day": pl.Int64(), **counts}, orient="row")
    by = told.group_by("symbol", date=pl.from_epoch(pl.col("day") // DAY, "d"))
    return by.agg(pl.col("checked").sum(), pl.col("check_differs").sum()).with_columns(
        check_differs=pl.min_horizontal("check_differs", "checked")
    )


def _differing(check: Check, day: int) -> int:
    return check.differing if check.first is not None and day <= check.first < day + DAY else 0


def odd(found: pl.DataFrame) -> pl.DataFrame:
    """Count outliers by day: `OUTLIER` with a symbol to columns of a day."""
    return found.group_by("symbol", date=pl.col("time").dt.date()).agg(
        outliers=pl.len().cast(pl.Int64),
        impossible=pl.col("impossible").sum().cast(pl.Int64),
        worst_move=pl.col("far").max(),
        worst_at=pl.col("time").sort_by("far").last(),
    )


def counted(times: pl.DataFrame, name: str) -> pl.DataFrame:
    """Count different times of each symbol by day, as a column of that name."""
    by = times.group_by("symbol", date=pl.col("time").dt.date())
    return by.agg(pl.col("time").n_unique().cast(pl.Int64).alias(name))


def gathered(calendar: pl.DataFrame, parts: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Put the parts beside the days of a calendar, and score the days, as `QUALITY`.

    What was not looked for at all is null; what was looked for and not found is 0.
    """
    days = calendar
    for each in parts:
        days = days.join(each, on=_KEY, how="left", maintain_order="left")
    lacking = [
        pl.lit(None, kind).alias(name) for name, kind in QUALITY.items() if name not in days.columns
    ]
    days = days.with_columns(lacking)
    looked_for = (*_COUNTS, "outliers", "impossible", "wrong_turnover", "opens")
    whole = days.with_columns(pl.col(*looked_for).fill_null(0))
    return scored(whole).select(pl.col(name).cast(kind) for name, kind in QUALITY.items())
