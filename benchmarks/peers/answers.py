"""What an answer holds, in whatever frame a store gives: enough to tell a wrong or lazy one."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import polars as pl

from benchmarks._candles import MINUTE, START

_NUMBERS = ("open", "high", "low", "close", "volume", "value")
TOLERANCE = 1e-9  # of a sum; each library adds up in its own order


class Answer(NamedTuple):
    """What all stores must agree on; `minutes` adds all times up, in minutes from the start."""

    rows: int
    first: int
    last: int
    minutes: int
    sums: tuple[float, ...]  # of each number; not a number where a store does not keep it

    def differs(self, other: Answer) -> str:
        """Name the first thing in which another answer differs, or nothing."""
        for name, ours, theirs in zip(self._fields[:4], self[:4], other[:4], strict=True):
            if ours != theirs:
                return f"{name} {theirs}, not {ours}"
        for name, ours, theirs in zip(_NUMBERS, self.sums, other.sums, strict=True):
            if abs(ours - theirs) > TOLERANCE * abs(ours):
                return f"{name} {theirs}, not {ours}"
        return ""


def answer_of(found: Any) -> Answer:
    """Read a whole answer, so that whatever was put off is done."""
    rows = found if isinstance(found, pl.DataFrame) else _rows(found)
    if rows.is_empty():
        return Answer(0, 0, 0, 0, (0.0,) * len(_NUMBERS))
    time = rows["time"].dt.epoch("ms")
    minutes = int(((time - START) // MINUTE).sum())
    sums = tuple(float(rows[name].sum()) for name in _NUMBERS)
    return Answer(rows.height, time[0], time[-1], minutes, sums)


def _rows(found: Any) -> pl.DataFrame:
    if isinstance(found, list):  # bars of nautilus_trader, which bear the time of their end
        times = [(bar.ts_event + 1) // 1_000_000 - MINUTE for bar in found]
        numbers = {
            each: [float(getattr(bar, each, math.nan)) for bar in found] for each in _NUMBERS
        }
    else:  # pandas: the time is a column or a part of the index
        plain = found.reset_index()
        times = plain["time"].dt.as_unit("ms").astype("int64").to_numpy()
        numbers = {name: plain[name].to_numpy() for name in _NUMBERS}
    return pl.DataFrame({"time": times, **numbers}).with_columns(
        pl.col("time").cast(pl.Datetime("ms", "UTC"))
    )
