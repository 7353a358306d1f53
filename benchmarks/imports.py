"""What `import marketkit` costs over bare Python, and what it must not load."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from typing import Any

HEAVY = ("polars", "pandas", "httpx", "pyarrow", "requests_cache", "websockets", "asyncio")


def measure(*, quick: bool) -> dict[str, Any]:
    """Time both in turn, each in a new process."""
    rounds = 7 if quick else 31
    took = {"pass": [], "import marketkit": []}
    for statement in took:
        _run(statement)  # once unmeasured: bytecode and disk cache
    for _ in range(rounds):
        for statement, times in took.items():
            times.append(_run(statement))
    bare, ours = (statistics.median(times) * 1000 for times in took.values())
    loaded = _loaded()
    return {
        "rows": [
            {"statement": statement, "median ms": round(statistics.median(times) * 1000, 1)}
            for statement, times in took.items()
        ],
        "ratios": {
            "ms over bare Python": round(ours - bare, 1),
            "over bare Python": round(ours / bare, 3),
            "heavy packages loaded": ", ".join(loaded) or "none",
        },
    }


def _run(statement: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True)
    return time.perf_counter() - started


def _loaded() -> list[str]:
    code = "import sys, marketkit; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return [name for name in HEAVY if name in done.stdout.split()]
