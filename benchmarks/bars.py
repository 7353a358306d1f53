"""Bars of a market-month of trades, five million rows, beside polars' own grouping, on one core.

The peer adds up the same six numbers of rows that it is told to be sorted: no order is looked at,
no slot proved, and nothing is rounded.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import polars as pl

from benchmarks._candles import START, symbol
from marketkit.coverage import Span, Spans
from marketkit.data.bars.bars import bars_of
from marketkit.data.bars.kinds import AmountBars, Bars, TimeBars, width_of
from marketkit.data.bars.source import Trades
from marketkit.timeframe import DAY

ROWS = 5_000_000
MONTH = 30 * DAY
_SLOW = 2  # rounds of what takes seconds
TARGET = 1.5  # times the seconds of the bare grouping


def measure(*, quick: bool) -> dict[str, Any]:
    """Run the bars in a process with one thread on one core, and give the best of each."""
    command = [sys.executable, "-m", "benchmarks.bars", "5" if quick else "15"]
    alone = {**os.environ, "POLARS_MAX_THREADS": "1"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=alone)
    return json.loads(done.stdout)


def main(rounds: int) -> None:
    rows = trades()
    ordered = rows.with_columns(pl.col("time").set_sorted())
    window = Span(START, START + MONTH)
    source = Trades(rows, {symbol(0): Spans([window])})

    def ours(kind: Bars) -> Callable[[], pl.DataFrame]:
        return lambda: bars_of(source, [symbol(0)], kind, window)

    timed = {
        "polars, group_by_dynamic": lambda: bare(ordered),
        "bars, 1m": ours(TimeBars(width_of("1m"))),
        "bars, tick=1000": ours(AmountBars("tick", Decimal(1000))),
        "bars, volume=100": ours(AmountBars("volume", Decimal(100))),
    }
    best = dict.fromkeys(timed, math.inf)
    for turn in range(rounds):  # in turns, so that a busy machine slows all of them
        for name, call in list(timed.items())[: 4 if turn < _SLOW else 2]:
            started = time.perf_counter()
            call()
            best[name] = min(best[name], time.perf_counter() - started)
    table = [
        {"case": name, "ms": round(seconds * 1000), "trades/s": round(ROWS / seconds)}
        for name, seconds in best.items()
    ]
    ratio = round(best["bars, 1m"] / best["polars, group_by_dynamic"], 2)
    print(json.dumps({"rows": table, "ratios": {"1m to the bare": ratio, "target": TARGET}}))


def bare(rows: pl.DataFrame) -> pl.DataFrame:
    """Group as anybody would."""
    return rows.group_by_dynamic("time", every="1m").agg(
        open=pl.col("price").first(),
        high=pl.col("price").max(),
        low=pl.col("price").min(),
        close=pl.col("price").last(),
        volume=pl.col("volume").sum(),
        value=(pl.col("price") * pl.col("volume")).sum(),
    )


def trades() -> pl.DataFrame:
    """Make the trades of a month, many of which share a millisecond."""
    number = pl.int_range(ROWS, dtype=pl.Int64)
    time_ = START + number * MONTH // ROWS // 4 * 4
    return pl.select(
        symbol=pl.lit(symbol(0)),
        time=time_.cast(pl.Datetime("ms", "UTC")),
        price=(100_000_000 + number * 7919 % 1000 * 1000).cast(pl.Float64),
        volume=(number * 104_729 % 100_000 + 1) / 1e6,
        side=pl.when(number % 3 == 0).then(pl.lit("ASK")).otherwise(pl.lit("BID")),
        sequential_id=time_ * 10_000 + number % 1000,
    ).with_columns(pl.col("side").cast(pl.Enum(["ASK", "BID"])))


if __name__ == "__main__":
    main(int(sys.argv[1]))
