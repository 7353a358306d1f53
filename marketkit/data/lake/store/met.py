"""Candles of two stores side by side: which differ, in which way, and in which numbers. Pure."""

from __future__ import annotations

from typing import Literal, get_args

import polars as pl

from marketkit.data.lake.format.layout import Series
from marketkit.schema import NUMBERS, TIME, Schema

Difference = Literal["only_a", "only_b", "appeared", "vanished", "changed"]

KINDS: tuple[Difference, ...] = get_args(Difference)
DIFFERENCE = pl.Enum(KINDS)
ROW_DIFF: Schema = {
    "symbol": pl.String(),
    "timeframe": pl.String(),
    "time": TIME,
    "difference": DIFFERENCE,
    "column": pl.Enum(NUMBERS),
    "a": pl.Float64(),
    "b": pl.Float64(),
}


def met(a: pl.DataFrame, b: pl.DataFrame) -> pl.DataFrame:
    """Put the candles of both side by side, and keep the differing ones in the order of time.

    Both have candles of slots that both know: one that only `b` has appeared, one that only `a` has
    vanished.
    """
    both = a.with_columns(in_a=True).join(
        b.with_columns(in_b=True), on="time", how="full", coalesce=True, suffix=" b"
    )
    differs = pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"{name} b")) for name in NUMBERS)
    kind = (
        pl.when(pl.col("in_a").is_null())
        .then(pl.lit("appeared"))
        .when(pl.col("in_b").is_null())
        .then(pl.lit("vanished"))
        .when(differs)
        .then(pl.lit("changed"))
    )
    found = both.with_columns(difference=kind.cast(DIFFERENCE))
    return found.filter(pl.col("difference").is_not_null()).sort("time")


def numbers(series: Series, found: pl.DataFrame) -> pl.DataFrame:
    """Give the differing numbers of candles as `ROW_DIFF`, of a candle in the order of columns."""
    name = pl.lit(series.symbol).alias("symbol"), pl.lit(series.timeframe.name).alias("timeframe")
    parts = [
        found.select(
            *name,
            "time",
            "difference",
            pl.lit(column, ROW_DIFF["column"]).alias("column"),
            a=pl.col(column),
            b=pl.col(f"{column} b"),
        ).filter(pl.col("a").ne_missing(pl.col("b")))
        for column in NUMBERS
    ]
    return pl.concat(parts).sort("time", maintain_order=True)
