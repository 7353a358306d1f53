"""Candles made wider, so that a screen has room for each. Pure."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from marketkit.notebook.charts.intake import Candles
from marketkit.notebook.charts.spans import floored, inward, outward
from marketkit.timeframe import DAY, HOUR, MINUTE, SECOND, WEEK

POINTS = 800  # candles that a screen of 1,200 pixels shows apart

# Widths that divide each other nearly always, so that a zoom never has far to go.
WIDTHS = (
    *(n * SECOND for n in (1, 5, 10, 30)),
    *(n * MINUTE for n in (1, 3, 5, 10, 15, 30)),
    *(n * HOUR for n in (1, 2, 4, 8, 12)),
    *(n * DAY for n in (1, 2)),
    *(n * WEEK for n in (1, 2, 4, 12, 52)),
)


def widths(base: int) -> list[int]:
    """List the widths that candles of `base` can be joined to, the narrowest first."""
    return [base, *(each for each in WIDTHS if each > base and each % base == 0)]


def fitting(candles: list[Candles], points: int) -> int:
    """Give the narrowest width of which at most `points` candles lie side by side."""
    starts, ends = zip(*(each.reach for each in candles), strict=True)
    length = max(ends) - min(starts)
    most = max(len(each.rows) for each in candles)
    base = candles[0].width
    if most <= points and all(len(each.lost) + len(each.quiet) <= points for each in candles):
        return base  # few candles far apart need no room
    return narrowest(length, base, points)


def narrowest(length: int, base: int, points: int) -> int:
    """Give the narrowest width of which `points` cover a length of ms."""
    known = widths(base)
    return next((each for each in known if length <= each * points), known[-1])


def joined(candles: Candles, width: int) -> Candles:
    """Make candles of `width`: first, highest, lowest and last price, sums of the volumes.

    Spans that may lack candles grow to whole slots; slots without trade are those with no candle.
    """
    if width == candles.width:
        return candles
    phase = candles.phase
    rows = (
        candles.rows.with_columns(floored(pl.col("t"), width, phase))
        .group_by("t", maintain_order=True)
        .agg(
            pl.col("open").first(),
            pl.col("high").max(),
            pl.col("low").min(),
            pl.col("close").last(),
            *(_sum(name) for name in ("volume", "value")),
        )
    )
    quiet, absent = (inward(each, width, phase) for each in (candles.quiet, candles.absent))
    lost = outward(candles.lost, width, phase)
    return replace(candles, rows=rows, width=width, lost=lost, quiet=quiet, absent=absent)


def _sum(name: str) -> pl.Expr:
    """Add up, and give null where nothing is known to add."""
    return pl.when(pl.col(name).count() > 0).then(pl.col(name).sum()).alias(name)
