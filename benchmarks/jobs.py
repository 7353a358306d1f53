"""A backfill as a job: how near to the limit, at what cost, and against loops over other clients.

Saturation: 50 markets with uneven gaps at the legal limit, in steady state. Peers: loops over
pyupbit and ccxt, their own pacing on, close the same gaps of the same markets of the same sandbox
and keep the candles in files, in an environment of their own (kept where MARKETKIT_JOB_PEERS says).
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import urllib.request
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks._sandbox import run, sandbox, scratch, stats
from marketkit.data.jobs.ledger import Ledger
from marketkit.data.jobs.tasks import BackfillRequest, Task, Work

PEERS = ("ccxt", "pyupbit", "setuptools")

_MINUTE, _DAY = 60_000, 86_400_000
_OCTOBER = 1_790_812_800_000

_UNEVEN = """
import json, random, resource, sys, time
import marketkit as mk
from marketkit.coverage import Spans
from marketkit.schema import ROW, empty
endpoint, seconds = sys.argv[1], float(sys.argv[2])
def rss():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * resource.getpagesize() / 1e6
provider = mk.SmartDataProvider(endpoint=endpoint)
symbols = provider.get_market("KRW")["symbol"].to_list()[:50]
first, last, hour = 1_788_220_800_000, 1_792_540_800_000, 3_600_000  # September and October 2026
draw = random.Random(1)
for symbol in symbols:
    spans, at = [], first
    while at < last:
        at += draw.randrange(1, 200) * hour
        spans.append((at, min(last, at := at + draw.randrange(1, 100) * hour)))
    provider.lake().append(symbol, "1m", empty(ROW), Spans(spans))
job = provider.backfill(symbols, "1m", start="2026-09-01", end="2026-11-01", show=False)
seen, sizes = [], []
while job.progress.requests < 40:
    time.sleep(0.02)
began, cpu, before = time.monotonic(), time.process_time(), job.progress.requests
while (now := time.monotonic()) < began + seconds and not job.done:
    sizes.append(rss())
    time.sleep(0.1)
requests, cpu = job.progress.requests - before, time.process_time() - cpu
job.leave()
job.join()
third = len(sizes) // 3
print(json.dumps({
    "rate": requests / (now - began), "cpu": cpu / (now - began),
    "growth": max(sizes[-third:]) - max(sizes[:third]), "peak": max(sizes),
}))
"""

_OURS = """
import json, sys, time
from datetime import datetime, timezone
import marketkit as mk
from marketkit.coverage import Spans
from marketkit.schema import ROW, empty
endpoint, path = sys.argv[1:]
provider, wanted = mk.SmartDataProvider(endpoint=endpoint), json.load(open(path))
provider.get_market()
first, last = 1_790_812_800_000, 1_793_404_800_000  # October 2026, of which all else is known
for symbol, gaps in wanted.items():
    edges = [first, *(edge for gap in gaps for edge in gap), last]
    known = Spans(zip(edges[::2], edges[1::2]))
    provider.lake().append(symbol, "1m", empty(ROW), known)
span = {"start": "2026-10-01", "end": "2026-10-31"}
began = time.monotonic()
provider.backfill(list(wanted), "1m", **span, show=False).wait()
seconds = time.monotonic() - began
utc = lambda ms: datetime.fromtimestamp(ms / 1000, timezone.utc)
kept = (
    provider.get_candle(symbol, "1m", start=utc(start), end=utc(end), source="lake").height
    for symbol, gaps in wanted.items() for start, end in gaps
)
print(json.dumps({"rows": sum(kept), "seconds": seconds}))
"""

_PYUPBIT = """
import json, sys, time
from datetime import datetime, timedelta, timezone
import pandas as pd, requests, pyupbit, pyupbit.request_api
endpoint, path = sys.argv[1:]
class Redirected:
    def get(url, **arguments):
        return requests.get(url.replace("https://api.upbit.com", endpoint), **arguments)
pyupbit.request_api.requests = Redirected
utc = lambda ms: datetime.fromtimestamp(ms / 1000, timezone.utc).replace(tzinfo=None)
began, rows = time.monotonic(), 0
for symbol, gaps in json.load(open(path)).items():
    frames = []
    for start, end in gaps:
        while (page := pyupbit.get_ohlcv_from(symbol, "minute1", utc(start), utc(end))) is None:
            time.sleep(1)
        page.index -= timedelta(hours=9)
        frames.append(page[(page.index >= utc(start)) & (page.index < utc(end))])
        time.sleep(0.1)  # as it does itself between its pages
    frame = pd.concat(frames)
    frame.to_csv(f"{path}.{symbol}.csv")
    rows += len(frame)
print(json.dumps({"rows": rows, "seconds": time.monotonic() - began}))
"""

_CCXT = """
import csv, json, sys, time
import ccxt
endpoint, path = sys.argv[1:]
exchange = ccxt.upbit({"enableRateLimit": True})
exchange.urls["api"] = {k: u.replace("https", "http") for k, u in exchange.urls["api"].items()}
exchange.hostname = endpoint.removeprefix("http://")
exchange.load_markets()
began, rows = time.monotonic(), 0
for symbol, gaps in json.load(open(path)).items():
    name, found = "/".join(reversed(symbol.split("-"))), []
    for at, end in gaps:
        while at < end:
            try:
                page = exchange.fetch_ohlcv(name, "1m", since=at, limit=200)
            except ccxt.NetworkError:
                time.sleep(1)  # what a loop does that was rejected
                continue
            found += [row for row in page if row[0] < end]
            at += 200 * 60_000  # its answer holds the candles of 200 minutes
    with open(f"{path}.{symbol}.csv", "w") as file:
        csv.writer(file).writerows(found)
    rows += len(found)
print(json.dumps({"rows": rows, "seconds": time.monotonic() - began}))
"""


def measure(*, quick: bool) -> dict[str, Any]:
    seconds, markets = (10, 10) if quick else (40, 50)
    saturation = [_saturation(latency, seconds) for latency in (15, 150)]
    with _peers() as python:
        race = [row for latency in (15, 150) for row in _race(python, latency, markets)]
    overhead = _overhead()
    return {
        "rows": [*saturation, *race, {"case": "ledger", "ms a page": overhead}],
        "ratios": {
            **{f"share of 10/s at {row['latency ms']} ms": row["share"] for row in saturation},
            "processor share": max(row["cpu"] for row in saturation),
            "MB grown": max(row["MB grown"] for row in saturation),
            **_leads(race),
            "rejected": sum(row["rejected"] for row in race if row["case"] == "marketkit"),
            "ledger ms a page": overhead,
        },
    }


def _saturation(latency: int, seconds: int) -> dict[str, Any]:
    with _exchange(latency) as (endpoint, env):
        done = run(_UNEVEN, endpoint, seconds, env=env)
        return {
            "case": "50 markets, uneven gaps",
            "latency ms": latency,
            "requests/s": round(done["rate"], 2),
            "share": round(done["rate"] / 10, 4),
            "cpu": round(done["cpu"], 4),
            "MB grown": round(done["growth"], 1),
            "peak MB": round(done["peak"]),
            "rejected": stats(endpoint, "candles")["rejected"],
        }


def _race(python: Path, latency: int, markets: int) -> list[dict[str, Any]]:
    rows = []
    for name, interpreter, code in (
        ("marketkit", Path(sys.executable), _OURS),
        ("pyupbit", python, _PYUPBIT),
        ("ccxt", python, _CCXT),
    ):
        with _exchange(latency) as (endpoint, env):
            path = Path(env["MARKETKIT_LAKE"]).with_name("gaps.json")
            path.write_text(json.dumps(_gaps(endpoint, markets)))
            done = subprocess.run(
                [str(interpreter), "-c", code, endpoint, str(path)],
                check=True,
                env=env,
                stdout=subprocess.PIPE,
                text=True,
            )
            told = json.loads(done.stdout.splitlines()[-1])
            seen = stats(endpoint, "candles")
        rows.append(
            {
                "case": name,
                "latency ms": latency,
                "candles": told["rows"],
                "seconds": round(told["seconds"], 1),
                "candles/s": round(told["rows"] / told["seconds"]),
                "requests": seen["requests"],
                "rejected": seen["rejected"],
            }
        )
    if len({row["candles"] for row in rows}) > 1:
        raise RuntimeError(f"not the same work: {rows}")
    return rows


def _gaps(endpoint: str, markets: int) -> dict[str, list[tuple[int, int]]]:
    """Draw two gaps of half an hour to 32 hours for each of the busiest markets."""
    with urllib.request.urlopen(f"{endpoint}/v1/ticker/all?quote_currencies=KRW") as answer:
        told = sorted(json.load(answer), key=lambda each: -each["acc_trade_price_24h"])
    listed = [each["market"] for each in told]
    draw = random.Random(1)
    found: dict[str, list[tuple[int, int]]] = {}
    for symbol in listed[:markets]:
        starts = [_OCTOBER + 2 * day * _DAY for day in sorted(draw.sample(range(14), 2))]
        found[symbol] = [
            (start, start + int(60 * 2 ** draw.uniform(-1, 5)) * _MINUTE) for start in starts
        ]
    return found


def _leads(race: list[dict[str, Any]]) -> dict[str, float]:
    """Say how many times faster than the faster peer."""
    leads = {}
    for latency in (15, 150):
        pace = {row["case"]: row["candles/s"] for row in race if row["latency ms"] == latency}
        ours = pace.pop("marketkit")
        leads[f"candles/s over the faster peer at {latency} ms"] = round(
            ours / max(pace.values()), 2
        )
    return leads


def _overhead() -> float:
    """Time what the ledger does for tasks of 100 pages, with a beat for each 10: ms a page."""
    tasks = [
        Task(f"KRW-{symbol}", block, block, block + 1, 20_000)
        for symbol in range(50)
        for block in range(200)
    ]
    with scratch() as folder, Ledger(folder) as ledger:
        wanted = BackfillRequest("upbit", ("KRW-*",), "1m", 0, None)
        ledger.open(wanted, tasks)
        me = ledger.register(wanted.id)
        began, rounds = time.perf_counter(), 50
        for _ in range(rounds):
            claim = ledger.lease(me)
            for beat in range(10):
                ledger.beat(me, [(claim, Work(beat, beat, beat))], "", count=beat == 0)
            ledger.finish(me, claim, Work(20_000, 100, 20_000))
        return round((time.perf_counter() - began) / rounds / 100 * 1000, 3)


@contextlib.contextmanager
def _exchange(latency: int) -> Iterator[tuple[str, dict[str, str]]]:
    flags = ("--now", "2026-11-20T00:00:00Z", "--latency-ms", str(latency))
    with scratch() as folder, sandbox(*flags) as endpoint:
        home = {"MARKETKIT_BUDGET_DIR": str(folder / "b"), "MARKETKIT_LAKE": str(folder / "lake")}
        yield endpoint, {**os.environ, **home, "MARKETKIT_CACHE": str(folder / "c")}


@contextlib.contextmanager
def _peers() -> Iterator[Path]:
    with contextlib.ExitStack() as stack:
        kept = os.environ.get("MARKETKIT_JOB_PEERS")
        folder = Path(kept or stack.enter_context(tempfile.TemporaryDirectory()))
        python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        if not python.exists():
            venv.create(folder, with_pip=True)
            install = [str(python), "-m", "pip", "install", "--quiet", *PEERS]
            subprocess.run(install, check=True, stdout=sys.stderr)
        yield python
