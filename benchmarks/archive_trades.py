"""Zips of the archive's trades into the lake on one core, beside a plain loop, and bars of them.

The plain loop unzips each file, reads it with polars and writes Parquet: it compares no checksum,
looks at no row, proves nothing and syncs nothing. Downloads are left out on both sides, zips lie on
the disk, and each way has taken one file before, so that what is loaded at first does not count.
Bars are of the lake's store and, by the peer, of the files that the loop wrote.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.bars import bare
from marketkit.coverage import Span
from marketkit.data.bars.bars import bars_of
from marketkit.data.bars.kinds import TimeBars, width_of
from marketkit.data.bars.source import Trades
from marketkit.data.fetch.archive.trades import TradeFill
from marketkit.data.fetch.walks import FetchRun
from marketkit.data.lake import Lake
from marketkit.exchange.dialect import Request, Response
from marketkit.exchange.upbit.archive.finding import Published
from marketkit.exchange.upbit.archive.keys import ArchiveFile, Shelf
from marketkit.net.archive.download import Fetched
from marketkit.progress import Progress, Reporter
from marketkit.timeframe import DAY, parse_time

SYMBOL, START = "KRW-BTC", parse_time("2025-01-01")
DAYS, ROWS = 30, 5_000_000  # of a busy market's month
TARGET, BARS_TARGET, MB_TARGET = 1_500_000, 1.5, 300
_SIDES = pl.Enum(["ASK", "BID"])
_CSV = {"seq": pl.Int64, "timestamp": pl.Int64, "volume": pl.Float64, "price": pl.Float64}


def measure(*, quick: bool) -> dict[str, Any]:
    """Run both ways and the bars, each in a process of its own on one core."""
    days, rounds = (6, 2) if quick else (DAYS, 3)
    with tempfile.TemporaryDirectory(prefix="marketkit-bench-") as name:
        folder = Path(name)
        zips(folder / "zips", days, ROWS // DAYS)
        best: dict[str, dict[str, float]] = {}
        for _ in range(rounds):  # in turns, so that a busy machine slows all of them
            for part in ("lake", "plain", "lake bars", "plain bars"):
                told = _alone(part, folder)
                if part not in best or told["cpu"] < best[part]["cpu"]:
                    best[part] = told
        total = _alone("grouping", folder)
    return {
        "rows": [_row(part, each) for part, each in best.items()],
        "ratios": _ratios(best, total),
    }


def _row(part: str, told: dict[str, float]) -> dict[str, object]:
    names = {
        "lake": "zips of trades -> committed rows of the lake",
        "plain": "unzip, pl.read_csv, write_parquet",
        "lake bars": "bars of 1m, of the lake's store",
        "plain bars": "group_by_dynamic of the loop's files",
    }
    return {
        "case": names[part],
        "rows": f"{round(told['rows']):,}",
        "seconds": round(told["seconds"], 2),
        "rows/s": f"{round(told['rows'] / told['seconds']):,}",
        "rows/s of the core": f"{round(told['rows'] / told['cpu']):,}",
        "MB": round(told["mb"]),
        "bytes a row": round(told["size"] / told["rows"], 2) if told["size"] else "",
    }


def _ratios(best: dict[str, dict[str, float]], total: dict[str, float]) -> dict[str, object]:
    def apart(one: str, other: str, what: str = "cpu") -> float:
        return round(best[one][what] / best[other][what], 2)

    return {
        "lake to the plain loop, processor": apart("lake", "plain"),
        "lake to the plain loop, seconds": apart("lake", "plain", "seconds"),
        "trades/s, target": f"{TARGET:,}",
        "bars of the store to the loop's files": apart("lake bars", "plain bars"),
        "bars to the bare group_by_dynamic, in memory": round(total["ratio"], 2),
        "bars, target": BARS_TARGET,
        "MB, target": MB_TARGET,
    }


def _alone(part: str, folder: Path) -> dict[str, float]:
    """Run one part in a process with one thread on one core."""
    command = [sys.executable, "-m", "benchmarks.archive_trades", part, str(folder)]
    alone = {**os.environ, "POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=alone)
    return json.loads(done.stdout.splitlines()[-1])


def main(part: str, folder: Path) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    if part == "grouping":
        print(json.dumps(_grouping(folder)))
        return
    work, size = _PARTS[part](folder)
    began, cpu = time.perf_counter(), time.process_time()
    rows = work()
    told = {"seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu}
    mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"rows": rows, **told, "mb": mb, "size": size()}))


Part = tuple[Callable[[], int], Callable[[], int]]


def _lake(folder: Path) -> Part:
    """Take verified zips into a new lake, as a backfill does once they are on disk."""
    root, found = folder / "lake", _fetched(folder)
    _into(folder / "warm", found[:1])
    return lambda: _into(root, found), lambda: _bytes(root)


def _into(root: Path, found: list[Fetched]) -> int:
    shutil.rmtree(root, ignore_errors=True)
    run = FetchRun("low", Reporter(Progress("trades"), show=False))
    fill = TradeFill(Lake(root), run, _nobody, Span(0, 0))
    asyncio.run(fill.take(_lying(found)))
    return run.rows


async def _lying(found: list[Fetched]) -> AsyncIterator[Fetched]:
    for each in found:
        yield each


async def _nobody(request: Request) -> Response:
    raise AssertionError(f"nobody is asked for {request}")


def _fetched(folder: Path) -> list[Fetched]:
    found = []
    for day, path in enumerate(sorted((folder / "zips").iterdir())):
        file, size = ArchiveFile(Shelf(SYMBOL), "daily", START + day * DAY), path.stat().st_size
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        found.append(Fetched(Published(file, size), path, digest, size, START))
    return found


def _plain(folder: Path) -> Part:
    """Take zips apart as anybody would."""
    target, found = folder / "plain", sorted((folder / "zips").iterdir())
    _looped(folder / "warm", found[:1])
    return lambda: _looped(target, found), lambda: _bytes(target)


def _looped(target: Path, found: list[Path]) -> int:
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    total = 0
    for path in found:
        with zipfile.ZipFile(path) as packed:
            content = packed.read(packed.namelist()[0])
        rows = pl.read_csv(content, schema={**_CSV, "ask_bid": _SIDES})
        rows = rows.with_columns(pl.from_epoch("timestamp", "ms").alias("time"))
        rows.write_parquet(target / f"{path.stem}.parquet")
        total += rows.height
    return total


def _lake_bars(folder: Path) -> Part:

    store = Lake(folder / "lake").trades
    rows = sum(store.catalog()["rows"])

    def work() -> int:
        covered = store.covered(SYMBOL)
        window = covered.hull or Span(0, 0)
        trades = Trades(store.scan([SYMBOL], *window), {SYMBOL: covered})
        assert bars_of(trades, [SYMBOL], TimeBars(width_of("1m")), window).height > 0
        return rows

    return work, lambda: 0


def _plain_bars(folder: Path) -> Part:
    def work() -> int:
        scan = pl.scan_parquet(folder / "plain" / "*.parquet")
        rows = scan.select("time", "price", "volume").collect()
        assert bare(rows.with_columns(pl.col("time").set_sorted())).height > 0
        return rows.height

    return work, lambda: 0


_PARTS = {"lake": _lake, "plain": _plain, "lake bars": _lake_bars, "plain bars": _plain_bars}


def _grouping(folder: Path) -> dict[str, float]:
    """Time the bars of trades in memory, in turns with the bare grouping."""

    store = Lake(folder / "lake").trades
    covered, rows = store.covered(SYMBOL), store.read([SYMBOL])
    window, kind = covered.hull or Span(0, 0), TimeBars(width_of("1m"))
    trades, ordered = (
        Trades(rows, {SYMBOL: covered}),
        rows.with_columns(pl.col("time").set_sorted()),
    )
    timed: dict[str, list[float]] = {"ours": [], "bare": []}
    for _ in range(7):
        for name, call in (
            ("ours", lambda: bars_of(trades, [SYMBOL], kind, window)),
            ("bare", lambda: bare(ordered)),
        ):
            began = time.process_time()
            call()
            timed[name].append(time.process_time() - began)
    return {"ratio": min(timed["ours"]) / min(timed["bare"])}


def zips(folder: Path, days: int, rows: int) -> None:
    """Write day files of trades as the archive does, of numbers that deflate no better."""
    folder.mkdir()
    for day in range(days):
        stem = f"{SYMBOL}_trade_{_date(START + day * DAY)}"
        with zipfile.ZipFile(folder / f"{stem}.zip", "w", zipfile.ZIP_DEFLATED) as packed:
            packed.writestr(f"{stem}.csv", _csv(START + day * DAY, rows))


def _csv(start: int, rows: int) -> str:
    number = pl.int_range(rows, dtype=pl.Int64)
    spread = number.hash(seed=start).cast(pl.UInt64)
    frame = pl.select(
        seq=number,
        timestamp=start + number * DAY // rows // 4 * 4,
        units=(spread % 10 ** (3 + spread % 6)).cast(pl.Int64) + 1,
        price=139_000_000 + (spread % 3).cast(pl.Int64).cum_sum() * 1000 - number * 1000,
        side=pl.when(spread % 7 < 3).then(pl.lit("ASK")).otherwise(pl.lit("BID")),
    )
    volume = pl.format("0.{}", pl.col("units").cast(pl.String).str.zfill(8))
    price = pl.format("{}.00000000", pl.col("price"))
    texts = frame.select("seq", "timestamp", volume=volume, price=price, ask_bid="side")
    return texts.write_csv()


def _date(time_: int) -> str:
    return time.strftime("%Y%m%d", time.gmtime(time_ / 1000))


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*.parquet"))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
