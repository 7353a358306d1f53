"""The lake against one ideal file: the same rows, by the same writer, in one `pl.read_parquet`."""

from __future__ import annotations

import gc
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks._candles import MINUTE, START, YEAR, candles, symbol
from marketkit.coverage import Spans
from marketkit.lake import Lake, files
from marketkit.lake.layout import Series
from marketkit.timeframe import TIMEFRAMES, iso
from marketkit.twin import SmartDataProvider

Reader = Callable[[list[str], int, int], pl.DataFrame]

MONTH = 31 * 1440  # minutes of January
WEEK = (START + 133 * 1440 * MINUTE, START + 140 * 1440 * MINUTE)  # inside May
ONE_MINUTE = TIMEFRAMES["1m"]


@dataclass(frozen=True, slots=True)
class Case:
    """One question, put to the lake and to a file that holds its answer and nothing else."""

    name: str
    symbols: list[str]
    start: int
    end: int
    target: float | None


def reader_of(lake: Lake) -> Reader:
    """Give the way everybody reads: `get_candle`, which proves the coverage before it reads."""
    provider = SmartDataProvider(endpoint="http://127.0.0.1:9", lake=lake.root)

    def read(symbols: list[str], start: int, end: int) -> pl.DataFrame:
        return provider.get_candle(symbols, "1m", start=iso(start), end=iso(end), source="lake")

    return read


def measure(*, quick: bool) -> dict[str, Any]:
    """Time reads and merges, interleaved with the ideal file; medians of several rounds."""
    years, markets, rounds = (2, 20, 7) if quick else (10, 200, 15)
    with tempfile.TemporaryDirectory(prefix="marketkit-lake-") as folder:
        lake = Lake(Path(folder) / "lake")
        _fill(lake, years, markets)
        cases = _cases(years, markets)
        reader = reader_of(lake)
        rows = [_compare(lake, case, reader, Path(folder), rounds) for case in cases]
        disk = lake.catalog().select(pl.col("bytes").sum() / pl.col("rows").sum()).item()
        merge = _merge_ms(lake, years, rounds)
    rows += [
        {"case": "disk bytes a row", "lake": round(disk, 2), "target": 24.0},
        {"case": "merge of 200 rows into a month, ms", "lake": round(merge, 2), "target": 20.0},
    ]
    return {"rows": rows, "ratios": {row["case"]: row["ratio"] for row in rows if "ratio" in row}}


def _cases(years: int, markets: int) -> list[Case]:
    names = sorted(map(symbol, range(markets)))
    year, month = START + YEAR * MINUTE, START + MONTH * MINUTE
    return [
        Case("1 market-year", [symbol(0)], START, year, 1.25),
        Case(f"{years} market-years", sorted(map(symbol, range(years))), START, year, 1.4),
        Case("1 market, one week", [symbol(0)], *WEEK, 2.0),
        Case(f"{markets} markets, one month", names, START, month, None),
    ]


def _fill(lake: Lake, years: int, markets: int) -> None:
    for market in range(markets):
        minutes = YEAR if market < years else MONTH
        covering = Spans([(START, START + minutes * MINUTE)])
        lake.append(symbol(market), ONE_MINUTE, candles(market, minutes), covering)


def _compare(lake: Lake, case: Case, reader: Reader, folder: Path, rounds: int) -> dict[str, Any]:
    question = (case.symbols, case.start, case.end)
    ideal = folder / "2024-01.parquet"
    rows = lake.read(case.symbols, ONE_MINUTE, case.start, case.end)
    series = Series("upbit", case.symbols[0], ONE_MINUTE)
    files.write_chunk(ideal, rows, files.describe(rows, Spans(), None), series)
    assert pl.read_parquet(ideal).equals(reader(*question).drop("state"))
    ideal_ms, lake_ms = _interleaved(
        lambda: pl.read_parquet(ideal), lambda: reader(*question), rounds=rounds
    )
    ratio = round(lake_ms / ideal_ms, 3)
    result = {"case": case.name, "rows": rows.height, "ideal": round(ideal_ms, 2)}
    return {**result, "lake": round(lake_ms, 2), "ratio": ratio, "target": case.target}


def _interleaved(*runs: Callable[[], object], rounds: int) -> list[float]:
    """Give the median milliseconds of each, all run once a round in random order."""
    times: list[list[float]] = [[] for _ in runs]
    for _ in range(rounds + 1):  # the first warms up
        for which in random.sample(range(len(runs)), len(runs)):
            times[which].append(_milliseconds(runs[which]))
    return [statistics.median(each[1:]) for each in times]


def _merge_ms(lake: Lake, years: int, rounds: int) -> float:
    """Time pages of 200 rows that change what is in the middle of a full month."""
    start = START + 10 * 1440 * MINUTE
    covering = Spans([(start, start + 200 * MINUTE)])
    times = []
    for each in range(rounds + 1):
        name = symbol(each % years)
        page = lake.read(name, ONE_MINUTE, *next(iter(covering)))
        changed = page.with_columns(pl.col("volume") + 1)
        times.append(
            _milliseconds(lambda rows=changed: lake.append(rows["symbol"][0], "1m", rows, covering))
        )
    return statistics.median(times[1:])


def _milliseconds(run: Callable[[], object]) -> float:
    gc.collect()
    started = time.perf_counter()
    kept = run()
    took = (time.perf_counter() - started) * 1e3
    del kept
    return took
