"""Merge an answer with the stored trades of a day: the newer word wins. Pure.

The archive numbers trades by their place in a file, REST and the stream by an identity of their
own; nothing joins the two but what a trade is: time, price, volume and side. Of equal ones the
first is the first of the other side.
"""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from marketkit.coverage import Spans
from marketkit.data.lake.store.rows import within
from marketkit.data.lake.trades.rows import numbered

_SAME = ["time", "price", "volume", "side"]
_NTH = "nth"  # place among equal trades
_OLD = "_stored"
_KNOWN = ("sequential_id", "prev_close", "change_price")  # what only some sources tell


class MergedDay(NamedTuple):
    """The rows of both in order, how many are new, and the changes in proved times.

    `revised` has the rows of `day.STORED` and `came`, false for trades that went.
    """

    rows: pl.DataFrame
    changed: int
    revised: pl.DataFrame


def merge(old: pl.DataFrame, new: pl.DataFrame, covering: Spans, covered: Spans) -> MergedDay:
    """Put the answer for `covering` in the place of the stored rows there.

    Both frames are in order; `covered` are the times of which `old` tells. What a stored trade says
    of itself and the answer does not, such as REST's number, stays with the trade.
    """
    none = new.clear().with_columns(came=pl.lit(value=True))
    if old.is_empty() and not covered:
        return MergedDay(numbered(new), new.height, none)
    there = within(old["time"], covering)
    stored = old.filter(there)
    if stored.drop("seq").equals(new.drop("seq")):
        return MergedDay(old, 0, none)
    stored, new = _counted(stored), _counted(new)
    on = [*_SAME, _NTH]
    gone = stored.join(new, on=on, how="anti")
    come = new.join(stored, on=on, how="anti", maintain_order="left")
    revised = [
        come.filter(within(come["time"], covered)).with_columns(came=pl.lit(value=True)),
        gone.with_columns(came=pl.lit(value=False)),
    ]
    known, told = _completed(new, stored, on)
    rows = numbered(pl.concat([old.filter(~there), known]).sort("time", maintain_order=True))
    changed = come.height + gone.height + told
    if not changed and rows.equals(old):
        return MergedDay(old, 0, none)
    return MergedDay(rows, max(1, changed), pl.concat(revised).drop(_NTH).sort("time"))


def _counted(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(pl.int_range(pl.len()).over(_SAME).alias(_NTH))


def _completed(new: pl.DataFrame, stored: pl.DataFrame, on: list[str]) -> tuple[pl.DataFrame, int]:
    """Give new rows the knowledge that stored ones have beyond; count rows that tell more."""
    met = stored.select(*on, *_KNOWN, met=pl.lit(value=True))
    both = new.join(met, on=on, how="left", suffix=_OLD, maintain_order="left")
    news = [pl.col(name).is_not_null() & pl.col(f"{name}{_OLD}").is_null() for name in _KNOWN]
    told = both.filter(pl.col("met") & pl.any_horizontal(news)).height
    filled = [pl.coalesce(name, f"{name}{_OLD}").alias(name) for name in _KNOWN]
    return both.with_columns(filled).select(new.columns).drop(_NTH), told
