"""Features of market-years of minutes, market by market: from a bucket, and from a local lake.

From the bucket on a machine that never looked (`ours`), and on one that has (`again`).
"""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import NamedTuple

import polars as pl

from benchmarks._candles import MINUTE, START, YEAR, candles, symbol
from benchmarks.lake import milliseconds
from benchmarks.scale.addresses import PATIENCE, settle
from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.tier import tier

HOUR = 60  # minutes


class Mapped(NamedTuple):
    """Seconds from a bucket, from it again, and from a disk; if all gave the same."""

    bucket: float
    again: float
    local: float
    equal: bool


def features(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Make the days of a market: bars, volatility by the hour, an average of closing prices."""
    close = pl.col("close")
    made = rows.with_columns(
        volatility=close.log().diff().rolling_std(HOUR), average=close.ewm_mean(span=HOUR)
    )
    return made.group_by_dynamic("time", every="1d", group_by="symbol").agg(
        pl.col("open").first(),
        pl.col("high").max(),
        pl.col("low").min(),
        pl.col("close", "average").last(),
        pl.col("volume").sum(),
        pl.col("volatility").mean(),
    )


def mapped(url: str, folder: Path, years: int, *, rounds: int) -> Mapped:
    """Map them from both, in turn, on new machines; medians of the rounds."""
    settle(folder / "writer")
    local = Lake(folder / "lake")
    for market in range(years):
        rows = candles(market, YEAR)
        for lake in (local, Lake(url)):
            lake.append(symbol(market), "1m", rows, Spans([(START, START + YEAR * MINUTE)]))
    times: dict[str, list[float]] = {"bucket": [], "again": [], "local": []}
    found: list[pl.DataFrame] = []
    for each in range(rounds):
        settle(folder / f"reader-{each}")
        there = Lake(url)  # with a mirror that has nothing yet
        first = [("bucket", there), ("local", local)]
        for name, lake in [*first[:: -1 if each % 2 else 1], ("again", there)]:
            took = milliseconds(lambda lake=lake: found.append(_map(lake)))
            times[name].append(took / 1e3)
        tier.wait(PATIENCE)  # images of what was read again are no part of any row
    seconds = map(statistics.median, times.values())
    return Mapped(*seconds, equal=all(each.equals(found[0]) for each in found))


def _map(lake: Lake) -> pl.DataFrame:
    return lake.map(features, None, "1m")
