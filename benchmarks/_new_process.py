"""Reads of a lake in new processes: the time of the first, and the memory that only it has."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks._candles import MINUTE, START, YEAR
from marketkit.timeframe import iso

FIRST = """
import json, sys, time
from marketkit.api.sync import SmartDataProvider
import marketkit.data.lake.lake, polars
root, symbols, start, end = json.loads(sys.argv[1])
provider = SmartDataProvider(endpoint="http://127.0.0.1:9", lake=root)
started = time.perf_counter()
provider.get_candle(symbols, "1m", start=start, end=end, source="lake")
print(json.dumps((time.perf_counter() - started) * 1e3))
"""
MEMORY = """
import json, sys
from marketkit.api.sync import SmartDataProvider
root, first, symbols, start, end = json.loads(sys.argv[1])
provider = SmartDataProvider(endpoint="http://127.0.0.1:9", lake=root)
def private():
    lines = open("/proc/self/smaps_rollup").read().splitlines()
    wanted = ("Private_Dirty:", "Swap:")
    return sum(int(each.split()[1]) for each in lines if each.startswith(wanted))
provider.get_candle(first, "1m", start=start, end=end, source="lake")
before = private()
kept = provider.get_candle(symbols, "1m", start=start, end=end, source="lake")
print(json.dumps((private() - before) / 1024))
"""


def first_read(root: Path, symbols: Sequence[str], start: int, end: int) -> float:
    """Time the first read of a new process, imports apart, in milliseconds."""
    return _run(FIRST, str(root), list(symbols), iso(start), iso(end))


def memory_row(root: Path, symbols: Sequence[str]) -> dict[str, Any]:
    """Measure the memory that only this process has, of market-years read through images."""
    span = iso(START), iso(START + YEAR * MINUTE)
    used = _run(MEMORY, str(root), symbols[0], list(symbols), *span)
    case = f"private memory of {len(symbols)} market-years, MB"
    return {"case": case, "tier warm": round(used, 1), "target": 20.0}


def _run(code: str, *told: object) -> float:
    command = [sys.executable, "-c", code, json.dumps(told)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(json.loads(done.stdout))
