"""How close a backfill comes to what the exchange allows: 10 requests of 200 candles a second.

Pace: two markets that trade every minute, at the legal limit, in steady state. Memory: many
market-months at a limit raised on both sides, so that it ends today.
"""

from __future__ import annotations

import os
from typing import Any

from benchmarks._sandbox import run, sandbox, scratch, stats

LIMIT = 2_000.0  # candles a second

# The client: backfills, and watches its own progress and processor time. Both are of the steady
# state: from the fourth second, when imports and first pages are done, to the last but one.
_CLIENT = """
import json, resource, sys, time
import marketkit as mk, polars, pyarrow, httpx, marketkit.api.provider
endpoint, start, end, limit, *symbols = sys.argv[1:]
def rss():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * resource.getpagesize()
limits = {"candles": (10, float(limit))} if float(limit) != 1 else None
provider = mk.SmartDataProvider(endpoint=endpoint, limits=limits)
provider.get_market()
before, seen = rss(), []
began = time.monotonic()
job = provider.backfill(symbols, "1m", start=start, end=end, show=False)
while not job.done:
    seen.append((time.monotonic() - began, job.progress.rows, time.process_time()))
    time.sleep(0.25)
report = job.wait()
took = time.monotonic() - began
steady = [each for each in seen if 4 <= each[0] <= took - 1] or seen
(t0, r0, c0), (t1, r1, c1) = steady[0], steady[-1]
print(json.dumps({
    "complete": report.complete, "requests": report.requests, "rows": report.rows,
    "slots": report.slots, "seconds": took, "rate": (r1 - r0) / (t1 - t0),
    "cpu": (c1 - c0) / (t1 - t0), "before": before,
    "peak": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
}))
"""


def measure(*, quick: bool) -> dict[str, Any]:
    """Measure pace at two latencies, and memory over many market-months."""
    days = 5 if quick else 28
    rows = [_pace(latency, days) for latency in (15, 150)]
    memory = _memory(10 if quick else 200)
    return {
        "rows": [*rows, memory],
        "ratios": {
            **{f"share of 2,000 candles/s at {row['latency ms']} ms": row["share"] for row in rows},
            "processor share": max(row["cpu"] for row in rows),
            "MB above import": memory["MB above import"],
        },
    }


def _pace(latency: int, days: int) -> dict[str, Any]:
    start, end = "2026-10-01", f"2026-10-{days + 1:02d}"
    done = _client(("--latency-ms", str(latency)), start, end, 1.0, ["KRW-BTC", "KRW-ETH"])
    return {
        "case": f"2 markets x {days} days",
        "latency ms": latency,
        "candles/s": round(done["rate"]),
        "share": round(done["rate"] / LIMIT, 4),
        "cpu": round(done["cpu"], 4),
        **_common(done),
    }


def _memory(months: int) -> dict[str, Any]:
    coins = ["BTC", "ETH", "XRP", "SOL", "DOGE", "ADA", "LINK", "AVAX", "DOT", "TRX"]
    each = months // len(coins)
    first = 2026 * 12 + 9 - each  # months; the last is September 2026
    start = f"{first // 12}-{first % 12 + 1:02d}-01"
    symbols = [f"KRW-{coin}" for coin in coins]
    done = _client(("--limit", "10/0.01"), start, "2026-10-01", 0.01, symbols)
    return {
        "case": f"{months} market-months, limit raised",
        "latency ms": 0,
        "candles/s": round(done["rows"] / done["seconds"]),
        "cpu": round(done["cpu"], 4),
        **_common(done),
    }


def _client(
    flags: tuple[str, ...], start: str, end: str, limit: float, symbols: list[str]
) -> dict[str, Any]:
    with scratch() as folder, sandbox("--now", "2026-11-20T00:00:00Z", *flags) as endpoint:
        home = {"MARKETKIT_BUDGET_DIR": str(folder / "b"), "MARKETKIT_LAKE": str(folder / "lake")}
        done = run(_CLIENT, endpoint, start, end, limit, *symbols, env={**os.environ, **home})
        return done | {"exchange": stats(endpoint, "candles")}


def _common(done: dict[str, Any]) -> dict[str, Any]:
    return {
        "requests": done["exchange"]["requests"],
        "rejected": done["exchange"]["rejected"],
        "complete": done["complete"],
        "MB above import": round((done["peak"] - done["before"]) / 1e6, 1),
    }
