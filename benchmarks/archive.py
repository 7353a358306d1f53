"""Files of the exchange's archive into a lake: rows a second, memory, and beside REST and a loop.

Rows a second are of one core, from zips on disk to rows that the lake has committed, with proof
and provenance; the peer unpacks, parses and writes the same zips, and proves nothing. The year
over the network has a page of REST for each month, at the legal limit, and is measured whole.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks import archive_trades
from benchmarks._candles import START, YEAR, candles, symbol
from benchmarks._sandbox import run, sandbox, scratch
from marketkit.data.fetch.archive.pieces import read_piece, write_pieces
from marketkit.data.lake import Lake
from marketkit.data.lake.format.layout import Series
from marketkit.exchange.upbit.archive.finding import Published
from marketkit.exchange.upbit.archive.keys import ArchiveFile, Shelf
from marketkit.net.archive.download import Fetched
from marketkit.timeframe import DAY, TIMEFRAMES

MINUTES = TIMEFRAMES["1m"]
LARGEST = 1 << 30  # bytes that a member may have
TARGET = 1_000_000  # rows a second
MARKETS = (0, 40)  # one whose prices hardly come twice, and one of few prices
TIMES, MEMORY = 50, 300  # as fast as REST at the legal limit; MB
LOOPED = ["KRW-BTC", "KRW-ETH", "KRW-XRP"]
NOW = "2026-01-10T00:00:00Z"

# The client: backfills, and watches its own memory.
_CLIENT = """
import json, resource, sys, time
import marketkit as mk, polars, pyarrow.csv, pyarrow.parquet, httpx, marketkit.api.provider
endpoint, width, start, end, archive, *symbols = sys.argv[1:]
def rss():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * resource.getpagesize()
provider = mk.SmartDataProvider(endpoint=endpoint)
provider.get_market()
before, peak = rss(), 0
began = time.monotonic()
more = {"archive": True} if archive == "archive" else {}
job = provider.backfill(symbols, width, start=start, end=end, show=False, **more)
while not job.done:
    peak = max(peak, rss())
    time.sleep(0.01)
report = job.wait()
print(json.dumps({
    "seconds": time.monotonic() - began, "complete": report.complete, "rows": report.rows,
    "slots": report.slots, "MB": (max(peak, rss()) - before) / 1e6,
}))
"""

# The peer: what anybody would write, with a connection that is kept.
_LOOP = """
import io, json, sys, time, zipfile
from pathlib import Path
import httpx, polars as pl
endpoint, folder, *symbols = sys.argv[1:]
began, rows = time.monotonic(), 0
names = [(each, f"{each}_candle-1m_2025{month:02d}") for each in symbols for month in range(1, 13)]
with httpx.Client(timeout=60) as web:
    for market, name in names:
        year = f"{endpoint}/archive/candle/{market}/monthly/1m/2025"
        answer = web.get(f"{year}/{name}.zip").raise_for_status()
        with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
            frame = pl.read_csv(packed.read(f"{name}.csv"), try_parse_dates=True)
        frame.write_parquet(Path(folder) / f"{name}.parquet")
        rows += frame.height
print(json.dumps({"seconds": time.monotonic() - began, "rows": rows}))
"""


def measure(*, quick: bool) -> dict[str, Any]:
    """Measure rows a second in a process on one core, then the year over the network."""
    rounds = "3" if quick else "9"
    alone = {**os.environ, "POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "benchmarks.archive", rounds]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=alone)
    rows = json.loads(done.stdout)
    years = _years(quick=quick)
    pairs = [each for latency in (15, 150) for each in _beside_a_loop(latency)]
    ratios = _ratios(rows, years) | {
        "seconds of the plain loop over ours, downloads and checks too": [
            round(loop["seconds"] / our["seconds"], 2)
            for our, loop in zip(pairs[::2], pairs[1::2], strict=True)
        ]
    }
    trades = archive_trades.measure(quick=quick)
    ratios |= {f"trades: {name}": value for name, value in trades["ratios"].items()}
    return {"rows": [*rows, *years, *pairs, *trades["rows"]], "ratios": ratios}


def _ratios(rows: list[dict[str, Any]], years: list[dict[str, Any]]) -> dict[str, Any]:
    ours, loops = rows[::2], rows[1::2]
    rest = next(each for each in years if each["case"].startswith("REST"))
    archive = [each for each in years if "market-year" in each["case"]]
    return {
        f"rows/s (target {TARGET:,})": min(each["rows/s"] for each in ours),
        "rows/s over the plain loop (target 1)": [
            round(our["rows/s"] / loop["rows/s"], 2) for our, loop in zip(ours, loops, strict=True)
        ],
        f"a market-year over REST (target {TIMES})": [
            round(rest["s a market-year"] / each["s a market-year"], 1) for each in archive
        ],
        f"MB above import (target {MEMORY})": max(each["MB above import"] for each in years),
    }


def main(rounds: int) -> None:
    """Time both ways of taking zips in, in turns, and print the best of each."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    told = []
    for market in MARKETS:
        with tempfile.TemporaryDirectory(prefix="marketkit-archive-") as name:
            folder = Path(name)
            told += _of_market(market, folder, rounds)
    print(json.dumps(told))


def _of_market(market: int, folder: Path, rounds: int) -> list[dict[str, Any]]:
    files = list(zips(market, folder))
    ways: dict[str, Callable[[Path], int]] = {
        "lake": lambda where: taken(files, Lake(where)),
        "plain loop": lambda where: plain([each.path for each in files], where),
    }
    best: dict[str, tuple[float, float, int]] = {}
    for turn in range(rounds + 1):  # the first loads what is needed
        for way, work in ways.items():
            where = folder / f"{way}-{turn}"
            began, used = time.perf_counter(), time.process_time()
            rows = work(where)
            took = (time.perf_counter() - began, time.process_time() - used, rows)
            best[way] = min(best.get(way, took), took) if turn else (9e9, 9e9, rows)
    size = {way: _bytes(folder / f"{way}-0") for way in ways}
    return [_row(f"zips of {symbol(market)}: {way}", *best[way], size[way]) for way in ways]


def _row(case: str, seconds: float, cpu: float, rows: int, size: int) -> dict[str, Any]:
    return {
        "case": case,
        "rows": rows,
        "seconds": round(seconds, 3),
        "of the core": round(cpu, 3),
        "rows/s": round(rows / seconds),
        "bytes a row": round(size / rows, 1),
    }


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*.parquet"))


def taken(files: list[Fetched], lake: Lake) -> int:
    """Take verified zips in as an ingest does: one is read while another waits for the disk."""
    series = Series(lake.source, files[0].published.file.shelf.market, MINUTES)
    with ThreadPoolExecutor(1) as writer:
        writing = [
            writer.submit(write_pieces, lake, series, [read_piece(each, LARGEST)], ())
            for each in files
        ]
    return sum(each.result().rows for each in writing)


def plain(paths: list[Path], folder: Path) -> int:
    """Do as anybody would: unpack, parse, write."""
    folder.mkdir()
    rows = 0
    for path in paths:
        with zipfile.ZipFile(path) as packed:
            text = packed.read(packed.namelist()[0])
        frame = pl.read_csv(text, try_parse_dates=True)
        frame.write_parquet(folder / f"{path.stem}.parquet")
        rows += frame.height
    return rows


def zips(market: int, folder: Path) -> Iterator[Fetched]:
    """Make the month files of a market-year, spelt and packed as the archive's."""
    rows = candles(market, YEAR).with_columns(month=pl.col("time").dt.strftime("%Y-%m"))
    for part in rows.partition_by("month", maintain_order=True):
        start = int(part["time"].dt.truncate("1mo").dt.epoch("ms")[0])
        file = ArchiveFile(Shelf(symbol(market), MINUTES), "monthly", start)
        path = folder / f"{file.stem}.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
            packed.writestr(file.member, f"{file.header}\n{_text(part)}")
        content = path.read_bytes()
        listed = Published(file, len(content), "2025-02-01T01:00:00Z")
        digest = hashlib.sha256(content).hexdigest()
        yield Fetched(listed, path, digest, len(content), START + 400 * DAY)


def _text(rows: pl.DataFrame) -> str:
    time_said = pl.col("time").dt.strftime("%Y-%m-%dT%H:%M:%S")
    names = ("open", "high", "low", "close", "value", "volume")
    numbers = (pl.col(each).cast(pl.Decimal(38, 8)).cast(pl.String) for each in names)
    return rows.select(time_said, *numbers).write_csv(include_header=False)


def _years(*, quick: bool) -> list[dict[str, Any]]:
    """Measure a market-year from the archive, long ranges, and some days of REST."""
    coins = ("ETH", "XRP", "SOL", "DOGE", "ADA", "LINK")[: 2 if quick else None]
    several = [f"KRW-{coin}" for coin in coins]
    with sandbox("--now", NOW, "--speed", "0") as endpoint:
        year = ("2025-01-01", "2026-01-01")
        rows = [
            _backfill(endpoint, f"archive, a market-year, zips {zips_are}", *year, ["KRW-BTC"])
            for zips_are in ("made when asked for", "made before")
        ]
        rows.append(_backfill(endpoint, f"archive, {len(coins)} markets", *year, several))
        days = 10 if quick else 28
        part = ("2025-12-01", f"2025-12-{days + 1:02d}")
        rows.append(_backfill(endpoint, f"REST, {days} days", *part, ["KRW-BTC"], way="rest"))
    return rows


def _beside_a_loop(latency: int) -> list[dict[str, Any]]:
    """Measure market-years from an archive so many ms away, and a loop over the same zips."""
    flags = ("--now", NOW, "--speed", "0", "--latency-ms", str(latency))
    with sandbox(*flags) as endpoint, scratch() as folder:
        for _ in range(2):  # the first has the zips made
            loop = run(_LOOP, endpoint, folder, *LOOPED, env={**os.environ})
        case = f"{len(LOOPED)} markets x 1 year, {latency} ms away"
        ours = _backfill(endpoint, f"{case}: lake", "2025-01-01", "2026-01-01", LOOPED)
    return [ours, {"case": f"{case}: plain loop", **loop, "seconds": round(loop["seconds"], 2)}]


def _backfill(
    endpoint: str,
    case: str,
    start: str,
    end: str,
    symbols: list[str],
    *,
    way: str = "archive",
    width: str = "1m",
) -> dict[str, Any]:
    with scratch() as folder:
        names = ("BUDGET_DIR", "LAKE", "CACHE", "SETTINGS")
        home = {f"MARKETKIT_{name}": str(folder / name.lower()) for name in names}
        env = {**os.environ, **home, "MARKETKIT_ARCHIVE_TERMS": "accepted"}
        done = run(_CLIENT, endpoint, width, start, end, way, *symbols, env=env)
    a_year = done["seconds"] * 365 * 1440 / done["slots"]
    return {
        "case": case,
        "rows": done["rows"],
        "seconds": round(done["seconds"], 2),
        "rows/s": round(done["rows"] / done["seconds"]),
        **({"s a market-year": round(a_year, 2)} if width == "1m" else {}),
        "MB above import": round(done["MB"], 1),
        "complete": done["complete"],
    }


if __name__ == "__main__":
    main(int(sys.argv[1]))
