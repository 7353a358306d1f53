"""The memory of a process that does all of a soak's work, and of two that do the same otherwise.

Tickers and books of all KRW markets, trades of 5, candles of 20 as they come, and the history of 50
kept available, all at the same time from one sandbox whose limits are out of the way. One process
is marketkit with the soak's own program, which records as well; one keeps plain dictionaries, one
uses ccxt and pandas. Private memory of each, looked at from outside every second; `steady` is the
median of the last third. Histories of different lengths show what each further candle costs.

ccxt's environment is made in a temporary folder and thrown away, or kept where MARKETKIT_PEERS3
says.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import venv
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks._sandbox import sandbox, scratch
from benchmarks.odd_day import FOLLOWED
from benchmarks.soak import LONG_LIVED
from benchmarks.soak.events import ENDED
from benchmarks.soak.samples import memory_of

ROOT = Path(__file__).resolve().parents[2]
NOW = "2026-11-18T06:00:00+00:00"
RECORDED = ["KRW-BTC", "KRW-ETH", "KRW-XRP", "KRW-DOGE", ENDED]
FILLED = 50  # markets
DAYS = (0, 7, 28)  # of one-minute candles of each
FAST = 200  # requests a second that marketkit may send here
CONFIG = '[[universe]]\nsymbols = {symbols}\ndepth = {{ 1m = "{hours}h" }}\n'
NAMES = ("marketkit", "dicts", "ccxt + pandas")
_LOOK = 1.0  # seconds
_GROUPS = ("market", "candles", "crix-trades", "ticker", "orderbook")


def measure(*, quick: bool, minutes: float | None = None) -> dict[str, Any]:
    """Measure each length of history, and so many minutes more; one of them if `quick`."""
    rows, ratios = [], {}
    with _python() as python:
        for days in DAYS[1:2] if quick else DAYS:
            found = run(days, (minutes or (2 if quick else 4)) * 60, python)
            rows += [_row(days, name, *each) for name, each in found.items()]
            own = statistics.median(_last_third(found["marketkit"][0]))
            ratios |= {
                f"{days} days: marketkit over {name}": round(
                    own / statistics.median(_last_third(found[name][0])), 2
                )
                for name in NAMES[1:]
            }
    return {"rows": rows, "ratios": ratios}


def _row(days: int, name: str, looks: list[float], said: str) -> dict[str, Any]:
    return {
        "days of 50 markets": days,
        "process": name,
        "peak MB": round(max(looks), 1),
        "steady MB": round(statistics.median(_last_third(looks)), 1),
        "candles": said,
    }


def _last_third(looks: list[float]) -> list[float]:
    return looks[-max(1, len(looks) // 3) :]


def run(days: int, seconds: float, python: Path) -> dict[str, tuple[list[float], str]]:
    """Let all three work at the same time; give the private MB of each, second by second."""
    flags = ("--now", NOW, "--limit", "1000/1")
    with sandbox(*flags) as endpoint, scratch() as folder, ExitStack() as stack:
        told = _told(endpoint, folder, days)
        commands = {
            "marketkit": [sys.executable, "-m", "benchmarks.soak.program"],
            "dicts": [sys.executable, "-m", "benchmarks.memory.dicts"],
            "ccxt + pandas": [str(python), str(ROOT / "benchmarks/memory/ccxt_pandas.py")],
        }
        processes = {
            name: stack.enter_context(_process([*command, json.dumps(told)], folder))
            for name, command in commands.items()
        }
        stack.callback(lambda: [each.kill() for each in processes.values()])
        looks, said = _watched(processes, seconds)
        for process in processes.values():
            process.communicate("\n\n")
        return {name: (looks[name], said[name]) for name in processes}


def _watched(
    processes: dict[str, subprocess.Popen[str]], seconds: float
) -> tuple[dict[str, list[float]], dict[str, str]]:
    """Look at each process until so long after the peers have their history; and what they said."""
    looks: dict[str, list[float]] = {name: [] for name in processes}
    said = {NAMES[0]: "in the lake"}
    for name in NAMES[1:]:
        threading.Thread(target=_listen, args=(name, processes[name], said), daemon=True).start()
    until = math.inf
    while (now := time.monotonic()) < until:
        if len(said) == len(processes):
            until = min(until, now + seconds)
        for name, process in processes.items():
            looks[name].append(memory_of(process.pid)["private"])
        time.sleep(_LOOK)
    return looks, said


def _listen(name: str, process: subprocess.Popen[str], said: dict[str, str]) -> None:
    line = process.stdout.readline()
    said[name] = line.strip().removeprefix("filled ") or "failed"


def _told(endpoint: str, folder: Path, days: int) -> dict[str, Any]:
    with urllib.request.urlopen(f"{endpoint}/v1/market/all") as answer:
        codes = sorted(each["market"] for each in json.load(answer))
    codes = [code for code in codes if code.startswith("KRW-")]
    rest = [code for code in codes if code not in FOLLOWED]
    filled = [*FOLLOWED, *rest[: FILLED - len(FOLLOWED)]]
    hours = max(3, 24 * days)  # that many the live series wants anyway
    config = folder / "backfill.toml"
    config.write_text(CONFIG.format(symbols=json.dumps(filled), hours=hours))
    return {
        "endpoint": endpoint, "folder": str(folder), "lake": str(folder / "lake"),
        "config": str(config), "followed": FOLLOWED, "recorded": RECORDED, "codes": codes,
        "filled": filled, "hours": hours, "now": NOW,
        "limits": dict.fromkeys(_GROUPS, (FAST, 1.0)),
    }  # fmt: skip


def _process(command: list[str], folder: Path) -> subprocess.Popen[str]:
    home = {
        "MARKETKIT_BUDGET_DIR": str(folder / "budget"),
        "MARKETKIT_CACHE": str(folder / "cache"),
        "PYTHONPATH": str(ROOT),
        "PYTHONWARNINGS": "ignore",
    }
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | home | LONG_LIVED,  # all of them alike
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@contextlib.contextmanager
def _python() -> Iterator[Path]:
    kept = os.environ.get("MARKETKIT_PEERS3")
    if kept is not None:
        yield _made(Path(kept))
        return
    with tempfile.TemporaryDirectory(prefix="marketkit-memory-") as folder:
        yield _made(Path(folder))


def _made(folder: Path) -> Path:
    """Make the environment unless it is there."""
    python = folder / "bin/python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, "ccxt", "pandas"], check=True, stdout=sys.stderr)
    return python
