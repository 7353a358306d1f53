"""Everything at once on one process, for an hour: `python -m benchmarks soak`.

A backfill of 50 markets from a config, `live` of 20, tickers and books of all KRW markets, trades
and a recording of 5, and 100 calls a minute from three other processes that share the budget and
the lake, against a sandbox that is a process of its own. Answers go wrong now and then, connections
break and fall silent, candles come late, a market is listed, another ends, the exchange is closed
for maintenance and is away. In the end everything that was kept or told is compared with what the
exchange had and sent: `judge` and `recorded` say how. Exit code 1 where anything misses its limit.
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import time
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks._sandbox import scratch
from benchmarks.odd_day import FOLLOWED, control, told
from benchmarks.soak.events import ENDED, Exchange, planned
from benchmarks.soak.judge import CALLS, judged

ROOT = Path(__file__).resolve().parents[2]
MINUTES = 60.0
NOW = "2026-11-18T06:00:00Z"  # any moment; the history behind it is the sandbox's
RECORDED = ["KRW-BTC", "KRW-ETH", "KRW-XRP", "KRW-DOGE", ENDED]
CHANNELS = ("trade", "ticker", "orderbook")
CALLERS = 3  # processes
FILLED = 50  # markets
# Days of candles that a minute of the run is enough for: most markets are quiet. Half of the run is
# a first fill then; with `--days 20` an hour's ends while memory is not looked at yet.
DAYS = 2.0
# As the README says for programs that run for weeks, and as `marketkit` does for its own but for
# the first, which is for whoever starts a process.
LONG_LIVED = {
    "GLIBC_TUNABLES": "glibc.malloc.tcache_count=0",
    "MALLOC_MMAP_THRESHOLD_": "131072",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "_RJEM_MALLOC_CONF": "narenas:1,tcache:false",
}
CONFIG = """
verify = "2h"

[[universe]]
symbols = {symbols}
depth = {{ 1m = "{hours}h" }}
"""


@dataclass
class Soak:
    """One run: what it is made of, and what is told of it afterwards."""

    folder: Path
    minutes: float
    seed: int
    speed: float
    days: float
    exchange: Exchange = field(init=False)
    start: int = 0
    end: int = 0
    callers: list[dict[str, Any]] = field(default_factory=list)
    stats: dict[str, Any] = field(default_factory=dict)
    filled: list[str] = field(default_factory=list)
    load: list[tuple[float, float, float]] = field(default_factory=list)


def measure(
    *,
    quick: bool,
    minutes: float | None = None,
    seed: float = 1,
    speed: float = 1.0,
    days: float | None = None,
) -> dict[str, Any]:
    """Live through it; three minutes if `quick`."""
    wanted = minutes or (3.0 if quick else MINUTES)
    kept = os.environ.get("MARKETKIT_SOAK")
    with ExitStack() as stack:
        folder = Path(kept) if kept else stack.enter_context(scratch())
        folder.mkdir(parents=True, exist_ok=True)
        soak = Soak(folder, wanted, int(seed), speed, days or wanted * DAYS)
        live_through(soak)
        if kept:
            (folder / "soak.pickle").write_bytes(pickle.dumps(soak))
        rows, ratios = judged(soak)
    return {
        "rows": rows,
        "ratios": _header(soak) | ratios,
        "failed": not all(row["ok"] == "yes" for row in rows),
    }


def _header(soak: Soak) -> dict[str, Any]:
    command = ["git", "describe", "--always", "--dirty"]
    commit = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    load = ", ".join(f"{each[0]:.1f}" for each in soak.load)
    return {
        "command": f"python -m benchmarks soak --minutes {soak.minutes:g} --seed {soak.seed}"
        + (f" --speed {soak.speed:g}" if soak.speed != 1 else "")
        + (f" --days {soak.days:g}" if soak.days != soak.minutes * DAYS else ""),
        "commit": commit.stdout.strip() or "unknown",
        "load average at the beginning, at the end": load,
    }


def live_through(soak: Soak) -> None:
    """Start all processes, let things happen, and end them."""
    with ExitStack() as stack:
        sandbox = stack.enter_context(_sandbox(soak))
        soak.exchange = Exchange(json.loads(sandbox.stdout.readline())["endpoint"], soak.speed)
        stack.callback(sandbox.terminate)
        config = _config(soak)
        soak.start = soak.exchange.clock()
        program = stack.enter_context(_program(soak, config))
        stack.callback(program.terminate)
        _heard(program, "started")
        callers = [stack.enter_context(_caller(soak, number)) for number in range(CALLERS)]
        _let_happen(soak)
        soak.callers = [json.loads(each.communicate()[0].splitlines()[-1]) for each in callers]
        _freeze(soak, program)
        _tell(program, "closed")
        soak.stats = told(soak.exchange.endpoint, "stats")
        soak.stats["connections"] = told(soak.exchange.endpoint, "connections")


def _let_happen(soak: Soak) -> None:
    seconds, exchange = soak.minutes * 60, soak.exchange
    soak.load.append(os.getloadavg())
    exchange.begin()
    exchange.follow(planned(seconds, soak.seed), seconds, _say)
    soak.load.append(os.getloadavg())
    exchange.end()


def _freeze(soak: Soak, program: subprocess.Popen[str]) -> None:
    """Stop the exchange's clock, and have the program say what it knows of that moment."""
    time.sleep(40)  # what is asked `settle` seconds later, and trades that are fetched
    soak.end = control(soak.exchange.endpoint, "clock", speed=0)["ms"]
    time.sleep(3)  # what was sent is read by then
    for channel, path in (("ticker", "ticker/all?quote_currencies=KRW"),):
        (soak.folder / f"last-{channel}.json").write_bytes(_get(soak, path))
    _tell(program, "said")


def _get(soak: Soak, path: str) -> bytes:
    with urllib.request.urlopen(f"{soak.exchange.endpoint}/v1/{path}") as answer:
        return answer.read()


def _config(soak: Soak) -> Path:
    rows = json.loads(_get(soak, "market/all"))
    codes = sorted(row["market"] for row in rows if row["market"].startswith("KRW-"))
    rest = [code for code in codes if code not in FOLLOWED]
    soak.filled = [*FOLLOWED, *rest[: FILLED - len(FOLLOWED)]]
    config = soak.folder / "backfill.toml"
    hours = max(1, round(soak.days * 24))
    config.write_text(CONFIG.format(symbols=json.dumps(soak.filled), hours=hours))
    return config


def _sandbox(soak: Soak) -> subprocess.Popen[str]:
    streams = [(channel, symbol) for channel in CHANNELS for symbol in RECORDED]
    streams += [("candle.1m", symbol) for symbol in FOLLOWED]
    exchange = {"now": NOW, "seed": soak.seed, "speed": soak.speed, "streams": streams}
    witness = {"witness": str(soak.folder / "sent.tsv")}
    return _process(soak, "exchange", json.dumps(exchange | witness))


def _program(soak: Soak, config: Path) -> subprocess.Popen[str]:
    work = {
        "endpoint": soak.exchange.endpoint,
        "folder": str(soak.folder),
        "lake": str(soak.folder / "lake"),
        "config": str(config),
        "followed": FOLLOWED,
        "recorded": RECORDED,
    }
    return _process(soak, "program", json.dumps(work), **LONG_LIVED)


def _caller(soak: Soak, number: int) -> subprocess.Popen[str]:
    where = (soak.exchange.endpoint, str(soak.folder / "lake"))
    return _process(soak, "caller", *where, str(CALLS / CALLERS), f"{soak.seed}/{number}")


def _process(soak: Soak, module: str, *arguments: str, **more: str) -> subprocess.Popen[str]:
    home = {
        "MARKETKIT_BUDGET_DIR": str(soak.folder / "budget"),
        "MARKETKIT_CACHE": str(soak.folder / "cache"),
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", f"benchmarks.soak.{module}", *arguments]
    with (soak.folder / f"{module}.err").open("ab") as errors:
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | home | more,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )


def _tell(program: subprocess.Popen[str], word: str) -> None:
    program.stdin.write("\n")
    program.stdin.flush()
    _heard(program, word)


def _heard(program: subprocess.Popen[str], word: str) -> None:
    """Wait for a word of the program. Raises `RuntimeError` where it says another, or has ended."""
    said = program.stdout.readline().strip()
    if said != word:
        raise RuntimeError(f"the program said {said!r}, not {word!r}")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
