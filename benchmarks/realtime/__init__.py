"""What streams cost: a frame taken in, all markets at the exchange's own rate, news to a frame.

`take`: recorded frames through the session's own reader, as SIMPLE as they came over the wire,
with the newest state kept and 1m candles added up by a listener; the processor time of one thread.
`all markets`: tickers, trades and books of 855 pairs from a sandbox in a process of its own, at
the rate at which it sends them (about 880 frames a second, nearly all of them books).
`latency`: a ticker stamped just before the exchange sends it, among 800 other frames a second,
until a program that iterates over its feed has read the stamp out of `feed.frame`.
`against`: the same feeds of ccxt.pro, and a bare `recv`.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks._program import told
from benchmarks._sandbox import sandbox
from benchmarks.realtime import against
from benchmarks.realtime.take import NOW, take

ROOT = Path(__file__).parents[2]


def measure(*, quick: bool) -> dict[str, Any]:
    """Measure everything; a few seconds each if `quick`."""
    rows = take(seconds=5 if quick else 20)
    rows += _all_markets(10 if quick else 60)
    rows.append(_latency(5 if quick else 30))
    versus = against.measure(quick=quick)
    ratios = {
        "tickers/s (aim 120,000)": rows[0]["frames/s"],
        "all markets, share of a core (aim 0.10)": rows[3]["share of a core"],
        "event to frame, ms (aim 10)": f"{rows[-1]['p50 ms']} p50, {rows[-1]['p99 ms']} p99",
    }
    return {"rows": rows + versus["rows"], "ratios": ratios | versus["ratios"]}


def _all_markets(seconds: float) -> list[dict[str, Any]]:
    """Watch everything; once untouched, once with all three frames read every second."""
    rows = []
    for reads in (0, 1):
        with sandbox(*NOW, "--speed", "1") as endpoint:
            found = told([sys.executable, "-m", "benchmarks.realtime.ours", endpoint, "all",
                          str(seconds), str(reads)])  # fmt: skip
        rows.append(
            {
                "case": "all markets" + (", all frames read once a second" if reads else ""),
                "frames/s": round(found["frames"] / found["seconds"]),
                "us a frame": round(found["cpu"] / found["frames"] * 1e6, 1),
                "share of a core": round(found["cpu"] / found["seconds"], 4),
            }
        )
    return rows


def _latency(seconds: float) -> dict[str, Any]:
    stamper = [sys.executable, "-m", "benchmarks.realtime.stamper", str(seconds)]
    with subprocess.Popen(stamper, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        endpoint = process.stdout.readline().strip()
        try:
            found = told([sys.executable, "-m", "benchmarks.realtime.ours", endpoint, "stamped",
                          str(seconds), "0"])  # fmt: skip
        finally:
            process.terminate()
    waits = sorted(found["waits"])
    return {
        "case": f"latency of {len(waits)} events among 800 frames/s",
        "p50 ms": round(median(waits), 2),
        "p99 ms": round(waits[int(len(waits) * 0.99)], 2),
    }
