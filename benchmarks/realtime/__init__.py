"""What streams cost: a frame taken in, all markets at the exchange's own rate, news to a frame.

`take`: recorded frames through the session's own reader, as SIMPLE as they came over the wire,
with the newest state kept and 1m candles added up by a listener; the processor time of one thread.
`all markets`: tickers, trades and books of 855 pairs from a sandbox in a process of its own, at
the rate at which it sends them (about 880 frames a second, nearly all of them books).
`latency`: a ticker stamped just before the exchange sends it, among 800 other frames a second,
until a program that iterates over its feed has read the stamp out of `feed.frame`.
`against ccxt.pro`: one after the other on one sandbox, the processor time of a whole process for
each message the sandbox sent it, importing and connecting left out. Beside them a bare `recv` of
`websockets`, which decodes nothing: what a program pays that wakes up for each message.

ccxt lives in a venv of its own, made in a temporary folder, or kept where MARKETKIT_PEERS3 says.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks._program import told
from benchmarks._sandbox import sandbox
from benchmarks.realtime.take import take

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
NOW = ("--now", "2026-11-20T10:17:30Z", "--limit", "1000/1")


def measure(*, quick: bool) -> dict[str, Any]:
    """Measure everything; a few seconds each if `quick`."""
    rows = take(NOW, seconds=5 if quick else 20)
    rows += _all_markets(10 if quick else 60)
    rows.append(_latency(5 if quick else 30))
    versus = _versus(8 if quick else 20, 1 if quick else 3)
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


def _versus(seconds: float, repeats: int) -> dict[str, Any]:
    """Ask both the same, in turns; give the least of each."""
    rows, ratios = [], {}
    with _peers() as python, sandbox(*NOW, "--speed", "60") as endpoint:
        for kind in ("tickers", "books"):
            commands = {
                "state": [sys.executable, "-m", "benchmarks.realtime.ours", endpoint, kind],
                "events": [sys.executable, "-m", "benchmarks.realtime.ours", endpoint, f"{kind}!"],
                "ccxt": [str(python), str(HERE / "theirs.py"), endpoint, kind],
                "bare": [sys.executable, "-m", "benchmarks.realtime.bare", endpoint, kind],
            }
            runs: dict[str, list[dict[str, Any]]] = {who: [] for who in commands}
            for _ in range(repeats):
                for who, command in commands.items():
                    runs[who].append(told([*command, str(seconds), str(int(who == "state"))]))
            cost = {who: min(each["cpu"] / each["frames"] for each in runs[who]) for who in runs}
            rows += [
                {
                    "case": f"{kind}, {_WHO[who]}",
                    "frames/s": round(runs[who][0]["frames"] / runs[who][0]["seconds"]),
                    "us a frame": round(cost[who] * 1e6, 1),
                }
                for who in commands
            ]
            for who in ("state", "events"):
                name = f"ccxt.pro by ours, {kind}, {_WHO[who]} (aim 4)"
                ratios[name] = round(cost["ccxt"] / cost[who], 1)
    return {"rows": rows, "ratios": ratios}


_WHO = {
    "state": "kept, `.frame` read ten times a second",
    "events": "a frame for every wake-up",
    "ccxt": "ccxt.pro",
    "bare": "a bare `recv`, nothing decoded",
}


@contextlib.contextmanager
def _peers() -> Iterator[Path]:
    """Give the Python of an environment with ccxt."""
    kept = os.environ.get("MARKETKIT_PEERS3")
    with tempfile.TemporaryDirectory(prefix="marketkit-peers-") as scratch:
        folder = Path(kept or scratch)
        python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        if not python.exists():
            venv.create(folder, with_pip=True)
            install = [str(python), "-m", "pip", "install", "--quiet"]
            install += ["--disable-pip-version-check", "ccxt"]
            subprocess.run(install, check=True, stdout=sys.stderr)
        yield python
