"""The lake against one ideal file: the same rows, by the same writer, in one `pl.read_parquet`.

Each case is read from files (`lake`), and through images: again in the same process (`tier warm`),
with all maps dropped (`tier cold`), and first in a new process, imports apart; beside them the
floor, a copy of as many bytes (`memcpy`). And what has no ideal: looking for gaps, freezing,
merging, adding up, in milliseconds.
"""

from __future__ import annotations

import functools
import gc
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks._candles import MINUTE, START, YEAR, candles, symbol
from benchmarks._grid import grid
from benchmarks._new_process import first_read, memory_row
from benchmarks._publishing import publishing
from marketkit.api.sync import SmartDataProvider
from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.format import chunk as files
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.read import view as derive
from marketkit.data.lake.tier import tier
from marketkit.timeframe import TIMEFRAMES, iso

Reader = Callable[[list[str], int, int], pl.DataFrame]

MONTH = 31 * 1440  # minutes of January
WEEK = (START + 133 * 1440 * MINUTE, START + 140 * 1440 * MINUTE)  # inside May
ONE_MINUTE = TIMEFRAMES["1m"]
LAST = 200  # candles of each market in a cross-section
QUIET = 3.0  # seconds after which the index trusts a folder that nobody touched
GAPS = """
import json, sys, time
from marketkit.data.lake import Lake
import polars
lake = Lake(sys.argv[1])
started = time.perf_counter()
lake.gaps(None, "1m", "2024-01-01", "2025-01-01")
print(json.dumps((time.perf_counter() - started) * 1e3))
"""


WIDTH = 56  # bytes of a row without the symbol


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
    with tempfile.TemporaryDirectory(prefix="marketkit-lake-") as name:
        folder = Path(name)
        os.environ["MARKETKIT_CACHE"] = str(folder / "cache")
        lake, wide = Lake(folder / "lake"), Lake(folder / "grid")
        fill(lake, years, markets)
        grid(wide, markets)
        time.sleep(QUIET)
        reader = reader_of(lake)
        rows = [_compare(lake, case, reader, folder, rounds) for case in cases_of(years, markets)]
        rows += [
            memory_row(lake.root, sorted(map(symbol, range(years)))),
            _cross_section(lake, markets, folder, rounds),
            _resampling(lake, rounds),
        ]
        rows += [_milliseconds_row(*row) for row in _gaps(wide, markets, rounds)]
        rows += [_milliseconds_row(*_freezing(wide, rounds)), publishing(wide)]
        disk = lake.catalog().select(pl.col("bytes").sum() / pl.col("rows").sum()).item()
        merge = _merge_ms(lake, years, rounds)
        minute = _minute_ms(folder, min(markets, 50), rounds)
    rows += [
        _milliseconds_row("merge of 200 rows into a month", merge, 20.0),
        _milliseconds_row(f"one candle in each of {min(markets, 50)} series", minute, None),
        {"case": "disk bytes a row", "lake": round(disk, 2), "target": 24.0},
    ]
    return {"rows": rows, "ratios": {row["case"]: row["ratio"] for row in rows if "ratio" in row}}


def cases_of(years: int, markets: int) -> list[Case]:
    names = sorted(map(symbol, range(markets)))
    year, month = START + YEAR * MINUTE, START + MONTH * MINUTE
    return [
        Case("1 market-year", [symbol(0)], START, year, 1.15),
        Case(f"{years} market-years", sorted(map(symbol, range(years))), START, year, 1.3),
        Case("1 market, one week", [symbol(0)], *WEEK, 1.5),
        Case(f"{markets} markets, one month", names, START, month, 1.1),
    ]


def fill(lake: Lake, years: int, markets: int) -> None:
    for market in range(markets):
        minutes = YEAR if market < years else MONTH
        covering = Spans([(START, START + minutes * MINUTE)])
        lake.append(symbol(market), ONE_MINUTE, candles(market, minutes), covering)


def _compare(lake: Lake, case: Case, reader: Reader, folder: Path, rounds: int) -> dict[str, Any]:
    question = (case.symbols, case.start, case.end)
    from_files = without_images(reader)
    rows = from_files(*question).drop("state")
    ideal = _ideal(rows, folder)
    assert pl.read_parquet(ideal).equals(rows)
    lake.warm(case.symbols, ONE_MINUTE, case.start, case.end)
    assert reader(*question).drop("state").equals(rows)
    block = bytearray(rows.height * WIDTH)

    def mapped() -> pl.DataFrame:
        tier.drop_maps()
        return reader(*question)

    ideal_ms, lake_ms, tier_ms, mapped_ms, copy_ms = interleaved(
        lambda: pl.read_parquet(ideal),
        lambda: from_files(*question),
        lambda: reader(*question),
        mapped,
        lambda: bytes(block),
        rounds=rounds,
    )
    new = statistics.median(
        first_read(lake.root, case.symbols, case.start, case.end)
        for _ in range(max(3, rounds // 3))
    )
    times = {"tier warm": tier_ms, "tier cold": mapped_ms, "new process": new, "memcpy": copy_ms}
    row = _ratio_row(case.name, rows.height, ideal_ms, lake_ms, case.target)
    return row | {name: round(value, 2) for name, value in times.items()}


def without_images(reader: Reader) -> Reader:
    """Give a reader that opens files, whatever images there are."""

    def read(symbols: list[str], start: int, end: int) -> pl.DataFrame:
        os.environ["MARKETKIT_TIER"] = "off"
        try:
            return reader(symbols, start, end)
        finally:
            del os.environ["MARKETKIT_TIER"]

    return read


def _cross_section(lake: Lake, markets: int, folder: Path, rounds: int) -> dict[str, Any]:
    """Time the last candles of all markets, as a loop asks for them that runs for long."""
    rows = lake.latest(count=LAST)
    everything = lake.read(None, ONE_MINUTE).group_by("symbol", maintain_order=True)
    assert everything.tail(LAST).select(rows.columns).equals(rows)
    ideal = _ideal(rows, folder)
    ideal_ms, lake_ms = interleaved(
        lambda: pl.read_parquet(ideal), lambda: lake.latest(count=LAST), rounds=2 * rounds
    )
    return _ratio_row(f"last {LAST} of {markets} markets", rows.height, ideal_ms, lake_ms, 2.0)


def _resampling(lake: Lake, rounds: int) -> dict[str, Any]:
    """Time adding a market-year up to hours, against the plain query, both in memory."""
    rows = lake.read(symbol(0), ONE_MINUTE)
    names = ("open", "high", "low", "close", "volume", "value")
    how = ("first", "max", "min", "last", "sum", "sum")
    bars = [getattr(pl.col(name), each)() for name, each in zip(names, how, strict=True)]

    def plain() -> pl.DataFrame:
        return rows.group_by_dynamic("time", every="1h").agg(bars)

    assert derive.aggregate(rows, "1h").drop("symbol").equals(plain())
    plain_ms, lake_ms = interleaved(plain, lambda: derive.aggregate(rows, "1h"), rounds=rounds)
    return _ratio_row("1 market-year, 1m to 1h in memory", rows.height, plain_ms, lake_ms, 1.3)


def _gaps(lake: Lake, series: int, rounds: int) -> list[tuple[str, float, float | None]]:
    """Time looking for gaps: again, for the first time in a process, and without an index."""

    def look(asked: Lake = lake) -> None:
        asked.gaps(None, "1m", "2024-01-01", "2025-01-01")

    fresh: list[Lake] = []  # kept, so that closing a database is not timed with them

    def look_from_footers() -> None:
        for path in lake.root.glob("index.sqlite*"):
            path.unlink()
        fresh.append(Lake(lake.root))
        look(fresh[-1])

    def look_first() -> float:
        command = [sys.executable, "-c", GAPS, str(lake.root)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return float(json.loads(done.stdout))

    footers = interleaved(look_from_footers, rounds=rounds)[0]
    first = statistics.median(look_first() for _ in range(rounds))
    again = interleaved(look, rounds=2 * rounds)[0]
    what = f"gaps of {series} market-years"
    return [
        (what, again, 3.0),
        (f"{what}, first call of a process", first, None),
        (f"{what}, from {12 * series} footers", footers, 120.0),
    ]


def _freezing(lake: Lake, rounds: int) -> tuple[str, float, float]:
    """Time freezing. The first has to hash files that no append of ours wrote: it is left out.

    Sets stay until the end: to take a name of a file away dates it anew, and a version that is not
    known by its times has to be hashed again.
    """
    names = [f"set-{each}" for each in range(rounds + 1)]
    times = [milliseconds(functools.partial(lake.freeze, name)) for name in names]
    for name in names:
        lake.delete(name)
    count = int(lake.catalog()["files"].sum())
    return f"freeze of {count} files", statistics.median(times[1:]), 80.0


def _ideal(rows: pl.DataFrame, folder: Path) -> Path:
    """Write one file of just these rows with the lake's writer."""
    path = folder / "2024-01.parquet"
    series = Series("upbit", rows["symbol"][0], ONE_MINUTE)
    files.write_chunk(path, rows, files.describe(rows, Spans(), None), series)
    return path


def _ratio_row(
    case: str, rows: int, ideal: float, lake: float, target: float | None
) -> dict[str, Any]:
    times = {"ideal": round(ideal, 2), "lake": round(lake, 2), "ratio": round(lake / ideal, 3)}
    return {"case": case, "rows": rows, **times, "target": target}


def _milliseconds_row(case: str, lake: float, target: float | None) -> dict[str, Any]:
    return {"case": f"{case}, ms", "lake": round(lake, 2), "target": target}


def interleaved(*runs: Callable[[], object], rounds: int) -> list[float]:
    """Give the median milliseconds of each, all run once a round in random order."""
    times: list[list[float]] = [[] for _ in runs]
    for _ in range(rounds + 1):  # the first warms up
        for which in random.sample(range(len(runs)), len(runs)):
            times[which].append(milliseconds(runs[which]))
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
            milliseconds(lambda rows=changed: lake.append(rows["symbol"][0], "1m", rows, covering))
        )
    return statistics.median(times[1:])


def _minute_ms(folder: Path, series: int, rounds: int) -> float:
    """Time a live minute: one new candle in each series, behind twenty days of minutes."""
    lake, days, times = Lake(folder / "live"), 20 * 1440, []
    for market in range(series):
        covering = Spans([(START, START + days * MINUTE)])
        lake.append(symbol(market), ONE_MINUTE, candles(market, days), covering)
    for each in range(rounds + 1):
        start = START + (days + each) * MINUTE
        pages = [(symbol(market), candles(market, 1, start)) for market in range(series)]
        slot = Spans([(start, start + MINUTE)])
        times.append(
            milliseconds(
                lambda pages=pages, slot=slot: [
                    lake.append(name, ONE_MINUTE, rows, slot) for name, rows in pages
                ]
            )
        )
    return statistics.median(times[1:])


def milliseconds(run: Callable[[], object]) -> float:
    gc.collect()
    started = time.perf_counter()
    kept = run()
    took = (time.perf_counter() - started) * 1e3
    del kept
    return took
