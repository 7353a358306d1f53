"""Files of others into a new lake: a market-year of minutes, and a folder of days, on one core.

Every import is the first of a process that has imported before, with all that a write waits for;
of several rounds the best counts, for nothing but the machine makes one slower than another. The
loop beside it reads the same file by polars and writes a file a month: it looks at no row, proves
nothing and syncs nothing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks._candles import MINUTE, START, YEAR, candles, symbol
from marketkit.data.lake import Lake

DAY = 1440
TARGETS = {".parquet": 1_000_000, ".csv": 400_000}  # rows a second
DAYS = 545  # as many as a year and a half of an archive
FOLDER = 1.5  # times the seconds of one file of the same rows
ARCHIVE = {"value": "acc_trade_price", "volume": "acc_trade_volume"}


def measure(*, quick: bool) -> dict[str, Any]:
    """Run the imports in a process with one thread on one core, and give the best of each."""
    command = [sys.executable, "-m", "benchmarks.files", "3" if quick else "7"]
    alone = {**os.environ, "POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=alone)
    return json.loads(done.stdout)


def main(rounds: int) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory(prefix="marketkit-files-") as name:
        folder = Path(name)
        year = candles(0, YEAR)
        rows = [_of_year(folder, year, suffix, rounds) for suffix in TARGETS]
        one, many = _days(folder, rounds)
    ratio = round(many["seconds"] / one["seconds"], 2)
    told = {f"{DAYS} files to one": ratio, "target": FOLDER}
    print(json.dumps({"rows": [*rows, one, many], "ratios": told}))


def _of_year(folder: Path, year: pl.DataFrame, suffix: str, rounds: int) -> dict[str, Any]:
    path = folder / f"year{suffix}"
    write = year.write_parquet if suffix == ".parquet" else _as_text(year).write_csv
    write(path)
    row = _row(f"a market-year, {suffix}", path, folder, rounds, TARGETS[suffix])
    loop = min(_loop(path, folder / f"loop{suffix}-{each}") for each in range(rounds))
    return row | {"loop": round(loop, 3), "over the loop": round(row["seconds"] / loop, 2)}


def _loop(path: Path, folder: Path) -> float:
    """Time reading a file and writing a file a month, as a plain script does."""
    folder.mkdir()
    started = time.perf_counter()
    is_text = path.suffix == ".csv"
    rows = pl.read_csv(path, try_parse_dates=True) if is_text else pl.read_parquet(path)
    months = rows.sort("time").group_by(pl.col("time").dt.strftime("%Y-%m"), maintain_order=True)
    for (month,), part in months:
        part.write_parquet(folder / f"{month}.parquet")
    return time.perf_counter() - started


def _days(folder: Path, rounds: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Import the same rows as one file and as days, as the exchange's archive names them."""
    text = _as_archive(candles(0, DAYS * DAY))
    text.write_csv(folder / "days.csv")
    days = folder / "days"
    days.mkdir()
    for at in range(DAYS):
        date = time.strftime("%Y%m%d", time.gmtime(START / 1000 + at * DAY * MINUTE / 1000))
        text.slice(at * DAY, DAY).write_csv(days / f"KRW-BTC_candle-1m_{date}.csv")
    one = _row(f"{DAYS} days in one file, .csv", folder / "days.csv", folder, rounds, None)
    return one, _row(f"{DAYS} days in as many files", days, folder, rounds, None)


def _row(case: str, path: Path, folder: Path, rounds: int, target: int | None) -> dict[str, Any]:
    seconds, rows = [], 0
    for each in range(rounds + 1):  # the first loads what is needed
        lake = Lake(folder / f"lake-{path.name}-{each}")
        started, used = time.perf_counter(), time.process_time()
        rows = lake.import_(path, symbol=symbol(0), timeframe="1m", tz="UTC").rows
        seconds.append((time.perf_counter() - started, time.process_time() - used))
    best, cpu = min(seconds[1:])
    return {
        "case": case,
        "rows": rows,
        "seconds": round(best, 3),
        "of the core": round(cpu, 3),
        "rows/s": round(rows / best),
        "target": target,
    }


def _as_text(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(pl.col("time").dt.strftime("%Y-%m-%dT%H:%M:%SZ"))


def _as_archive(rows: pl.DataFrame) -> pl.DataFrame:
    time_said = pl.col("time").dt.strftime("%Y-%m-%dT%H:%M:%S").alias("date_time_utc")
    numbers = (pl.col(name).alias(ARCHIVE.get(name, name)) for name in rows.columns[2:])
    return rows.select(time_said, *numbers)


if __name__ == "__main__":
    main(int(sys.argv[1]))
