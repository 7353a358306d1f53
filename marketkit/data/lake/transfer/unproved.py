"""Candles that another lake shows and cannot prove come along where this one has none."""

from __future__ import annotations

import polars as pl

from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.store.index import Index, UnkeptIndex
from marketkit.data.lake.store.rows import within
from marketkit.data.lake.store.store import Store
from marketkit.data.lake.store.unsettled import Unsettled
from marketkit.timeframe import Timeframe
from marketkit.window import EVER


def take_unproved(lake: Store, other: Store, series: Series, *, dry_run: bool = False) -> int:
    """Keep the unsettled candles of a series, and say how many are new.

    Slots that this lake knows, or has an unsettled candle of, stay as they are.
    """
    theirs = Unsettled(other, UnkeptIndex)
    if not theirs.any:
        return 0
    ours = Unsettled(lake, UnkeptIndex if dry_run else Index)
    rows = _new(lake, other, ours, theirs, series)
    if rows.height and not dry_run:
        ours.keep(series, rows)
    return rows.height


def unproved_of(other: Store, timeframe: Timeframe) -> list[Series]:
    """List the series of a lake that have unsettled candles of a timeframe."""
    names = Unsettled(other, UnkeptIndex).symbols(timeframe)
    return [Series(other.source, name, timeframe) for name in names]


def _new(
    lake: Store, other: Store, ours: Unsettled, theirs: Unsettled, series: Series
) -> pl.DataFrame:
    found = [store.select([series.symbol], series.timeframe) for store in (lake, other)]
    own, rows = (
        side.read(of, EVER, [series.symbol]) for side, of in zip((ours, theirs), found, strict=True)
    )
    covered = found[0].known(series.symbol).covered
    return rows.filter(~within(rows["time"], covered)).join(own, on="time", how="anti")
