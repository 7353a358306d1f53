"""A process of its own that appends trades, and may be killed at a line of the library.

`trade_appender.py ROOT NAME LINE` appends the page of that name and kills itself before the LINE-th
line that the lake's own modules execute; at the end it prints how many there were.
"""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl

from marketkit.coverage import Spans
from marketkit.data.lake.trades.store import TradeStore
from marketkit.schema import SIDE, TIME
from tests.unit.data.lake.appender import Death

FIRST = 1_704_067_200_000  # 2024-01-01T00:00Z
DAY = 86_400_000
PAGES = {"old": (0, 1.0), "new": (1, 2.0)}  # first trade, volume


def make_page(first: int, volume: float) -> tuple[pl.DataFrame, Spans]:
    """Make trades of two days, an hour apart, and cover both."""
    times = range(FIRST, FIRST + 2 * DAY, 3_600_000)
    raw = pl.DataFrame({"time": list(times)[first:]})
    rows = raw.select(
        pl.col("time").cast(TIME),
        price=pl.lit(100.0),
        volume=pl.lit(volume),
        side=pl.lit("ASK").cast(SIDE),
    )
    return rows, Spans([(FIRST, FIRST + 2 * DAY)])


def main(root: str, name: str, line: str) -> None:
    """Append a page and die on the way; `line` 0 lives."""
    rows, covering = make_page(*PAGES[name])
    store, death = TradeStore(Path(root)), Death(int(line))
    sys.settrace(death)
    store.append("KRW-BTC", rows, covering)
    sys.settrace(None)
    print(death.seen)  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
