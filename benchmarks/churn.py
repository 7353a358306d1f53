"""Ten minutes with streams, on the wall clock: what they cost in memory, tasks and files.

The program is that of `tests/soak/run.py`: a hundred tickers with a callback, a live series of five
markets, and feeds of every channel opened, read, closed or forgotten all the time. Now and then the
exchange drops the connection. A straight line is fitted to all looks after the first third.
"""

from __future__ import annotations

import os
from pathlib import Path
from statistics import linear_regression
from typing import Any

from benchmarks._sandbox import run, sandbox

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = (ROOT / "tests" / "soak" / "run.py").read_text()


def measure(*, quick: bool) -> dict[str, Any]:
    """Live with streams for ten minutes; one if `quick`."""
    seconds = 60 if quick else 600
    flags = ("--now", "2026-11-20T10:17:30Z", "--limit", "1000/1", "--fault", "drop=0.000025")
    with sandbox(*flags) as endpoint:
        told = run(PROGRAM, endpoint, seconds, env={**os.environ, "PYTHONPATH": str(ROOT)})
    looks = [look for look in told["looks"] if look["at"] >= seconds / 3]
    rows = [_row(looks, what, 1e6 if what == "rss" else 1) for what in _WHAT]
    counts = ("opened", "events", "callbacks", "lost", "interruptions", "errors")
    return {"rows": rows, "ratios": {name: told[name] for name in counts}}


_WHAT = {"rss": "memory, MB", "tasks": "tasks", "files": "open files", "threads": "threads"}


def _row(looks: list[dict[str, float]], what: str, unit: float) -> dict[str, Any]:
    values = [look[what] / unit for look in looks]
    slope = linear_regression([look["at"] for look in looks], values).slope
    return {
        "what": _WHAT[what],
        "first": round(values[0], 1),
        "last": round(values[-1], 1),
        "most": round(max(values), 1),
        "slope, per minute": round(slope * 60, 3),
    }
