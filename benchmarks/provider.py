"""What a call costs: requests, milliseconds, memory; against other clients; and the adaptive life.

The exchange replays a sandbox's bodies 15 ms away (`_replay`): the sandbox takes longer to make all
tickers than the way is long, and would hide what clients take. Each client is a process of its own
that has imported all it needs. Cold is a new client object that knows nothing, with no connection
and nothing kept, in a process that has asked before; `first ms` is the first call of all. The time
ends with a frame of the same columns and types, in which the peers are helped (`clients/run.py`),
and the client closed; the market list counts where a client needs it. With the list known a new
object is told by the last one which markets there are: ours finds them on disk. The rounds
interleave.

Frames are of all pairs, or of the order books of all KRW pairs. The peers' environment is made
in a temporary folder and thrown away, or kept where MARKETKIT_PEERS2 says.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import urllib.request
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import ttl
from benchmarks._sandbox import run, sandbox, scratch

ROOT = Path(__file__).parents[1]
PEERS = ("ccxt", "pyupbit", "upbit-sdk")
LATENCY = 15
_FLAGS = ("--limit", "1000/1", "--speed", "0")  # the machine's day: a list that is kept is young
CASES = {
    "tickers": "cold: tickers of all 855 pairs",
    "books": "cold: order books of 289 pairs",
    "listed": "list known: order books of 289 pairs",
}

# Ours alone: from memory, shared, and what memory takes.
_OURS = """
import asyncio, json, statistics, sys, time, urllib.request
from marketkit.api.provider import AsyncSmartDataProvider
from marketkit.api.sync import SmartDataProvider
endpoint = sys.argv[1]
def requests():
    return json.load(urllib.request.urlopen(endpoint + "/requests"))
provider = SmartDataProvider(endpoint=endpoint)
names = provider.get_market()["symbol"].to_list()[-300:]
def warm(symbols):
    hit = lambda: provider.with_response.get_ticker(symbols).cache_hit
    found = []
    for _ in range(20):
        provider.get_ticker(symbols)
        for _ in range(15):
            if not hit():  # asked first, so that only hits are timed
                break
            began = time.perf_counter()
            provider.get_ticker(symbols)
            found.append(time.perf_counter() - began)
        time.sleep(0.2)
    found = found or [float("nan")]  # none lives as long as a call on a machine that is too busy
    return {"median": statistics.median(found), "best": min(found), "hits": len(found)}
many, one = warm(names), warm("KRW-BTC")
async def together():
    async with AsyncSmartDataProvider(endpoint=endpoint) as fresh:
        await fresh.get_market()
        before = requests()
        await asyncio.gather(*(fresh.get_ticker(names) for _ in range(50)))
        return requests() - before
print(json.dumps({"many": many, "one": one, "together": asyncio.run(together())}))
"""

# The older provider's call for 500 symbols: of a provider that knows nothing, and again.
_OLDER = """
import json, statistics, sys, time
from marketkit.compat import SmartDataProvider
endpoint, turns = sys.argv[1], int(sys.argv[2])
with SmartDataProvider(endpoint=endpoint) as first:
    names = [row["market"] for row in first.get_markets()][:500]
    first.get_ticker(names[0])  # the machine has asked before
cold, warm = [], []
for _ in range(turns):
    time.sleep(1)  # the budget of a second is whole again
    began = time.perf_counter()
    with SmartDataProvider(endpoint=endpoint) as provider:
        response = provider.get_tickers(names)
        cold.append(time.perf_counter() - began)
        assert len(response.data) == len(set(names)) == 500, response.error
        again = provider.get_multiple_tickers(names)
        warm.append(again.total_response_time_ms / 1000)
        assert len(again.successful_symbols) == 500
print(json.dumps({"cold": cold, "warm": warm, "median": statistics.median(cold)}))
"""

# The same rows as entries of the memory tier, as a dict of dicts by symbol, or in the older tiers:
# a dict for each symbol in each of two, with its times, the row itself shared.
_MEMORY = """
import gc, json, resource, sys, time, urllib.request
from marketkit.cache.memory import Memory
from marketkit.exchange.upbit.bodies import decode_tickers
endpoint, how = sys.argv[1:]
body = urllib.request.urlopen(endpoint + "/v1/ticker/all?quote_currencies=KRW,BTC,USDT").read()
decode_tickers(body)
def rss():
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()
columns = ["symbol", *decode_tickers(body).columns[1:]]
before, kept, entries = rss(), {}, 0
memory = Memory()
for turn in range(12):
    frame = decode_tickers(body).sort("symbol")
    names = frame["symbol"].to_list()
    if how == "memory":
        memory.put(("ticker", turn), frame, names, made=0, lives=dict.fromkeys(names, 10**6), now=0)
    elif how == "dicts":
        kept[turn] = {row["symbol"]: row for row in frame.to_dicts()}
    else:
        rows = {f"ticker_{row['symbol']}_{turn}": row for row in frame.to_dicts()}
        kept[turn] = rows, {key: time.time() for key in rows}, {
            key: {"data": row, "cached_at": time.time(), "ttl_seconds": 60.0, "source": "rest"}
            for key, row in rows.items()
        }
    entries += len(names)
    del frame, names
stats = memory.stats()
print(json.dumps({
    "entries": stats.entries if how == "memory" else entries, "grown": rss() - before,
    "said": stats.bytes, "bound": stats.max_bytes,
}))
"""


def measure(*, quick: bool) -> dict[str, Any]:
    simulated = ttl.measure(quick=quick)
    with scratch() as home, sandbox(*_FLAGS) as live, _replay(live) as endpoint, _peers() as python:
        environment = _environment(home)
        _clients(endpoint, python, environment, 0)  # now the exchange knows every question
        rows = _clients(endpoint, python, environment, 4 if quick else 15)
        ours = run(_OURS, endpoint, env=environment)
        older = _older(live, endpoint, environment, 5 if quick else 15)
        kept = ("memory", "dicts", "older tiers")
        memory = {how: run(_MEMORY, endpoint, how, env=environment) for how in kept}
    return {
        "rows": [*rows, *_own(ours, memory), *older, *simulated["rows"]],
        "ratios": {**_against(rows), **_shares(memory), **simulated["ratios"]},
    }


def _own(ours: dict[str, Any], memory: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        *(
            {"case": case, "client": "marketkit", "ms": round(ours[key]["median"] * 1000, 3)}
            | {"best ms": round(ours[key]["best"] * 1000, 3), "hits timed": ours[key]["hits"]}
            for key, case in (("many", "warm: 300 symbols"), ("one", "warm: one symbol"))
        ),
        {"case": "50 equal calls at once", "client": "marketkit", "requests": ours["together"]},
        *(
            {
                "case": f"{found['entries']} entries as {how}",
                "MB grown": round(found["grown"] / 1e6, 1),
            }
            for how, found in memory.items()
        ),
    ]


def _older(
    live: str, endpoint: str, environment: dict[str, str], turns: int
) -> list[dict[str, Any]]:
    """Time the older provider's call on the sandbox itself, and on its replay 15 ms away."""
    rows = []
    for where, address in (("sandbox", live), ("replay", endpoint)):
        found = run(_OLDER, address, str(turns), env=environment)
        for which in ("cold", "warm"):
            took = statistics.median(found[which])
            rows.append(
                {
                    "case": f"{which}: older get_tickers of 500 symbols, {where}",
                    "client": "marketkit",
                    "ms": round(took * 1000, 1),
                    "best ms": round(min(found[which]) * 1000, 1),
                    "worst ms": round(max(found[which]) * 1000, 1),
                    "symbols/s": round(500 / took),
                }
            )
    return rows


def _shares(memory: dict[str, Any]) -> dict[str, Any]:
    held, dicts, older = memory["memory"], memory["dicts"], memory["older tiers"]
    return {
        "memory tier over the older tiers": round(held["grown"] / older["grown"], 2),
        "memory tier over dict of dicts": round(held["grown"] / dicts["grown"], 2),
        "memory tier over its bound": round(held["grown"] / held["bound"], 2),
        "memory tier: grown over what it says": round(held["grown"] / held["said"], 2),
    }


def _against(rows: list[dict[str, Any]]) -> dict[str, float]:
    ratios = {}
    for case in CASES.values():
        took = {row["client"]: row["ms"] for row in rows if row["case"] == case and "ms" in row}
        own = took.pop("marketkit")
        ratios |= {
            f"{case}: {name} over marketkit": round(ms / own, 2) for name, ms in took.items()
        }
    return ratios


def _clients(
    endpoint: str, python: Path, environment: dict[str, str], rounds: int
) -> list[dict[str, Any]]:
    """Ask the clients in turn; the first call of a process is told apart."""
    with contextlib.ExitStack() as stack:
        children = {
            name: stack.enter_context(_client(name, endpoint, python, environment))
            for name in ("marketkit", *PEERS)
        }
        rows = []
        for case, said in CASES.items():
            told: dict[str, list[dict[str, Any]]] = {name: [] for name in children}
            for _ in range(rounds + 1):
                for name, child in children.items():
                    before = _requests(endpoint)
                    answer = _ask(child, case)
                    answer["requests"] = _requests(endpoint) - before
                    told[name].append(answer)
            wanted = told["marketkit"][-1]["schema"]
            if rounds:
                rows += [_row(said, name, answers, wanted) for name, answers in told.items()]
    return rows


def _row(case: str, name: str, answers: list[dict[str, Any]], wanted: Any) -> dict[str, Any]:
    failed = next((each["error"] for each in answers if "error" in each), None)
    if failed is not None:
        return {"case": case, "client": name, "failed": failed}
    first, *answers = answers
    seconds = statistics.median(each["seconds"] for each in answers)
    return {
        "case": case,
        "client": name,
        "requests": answers[-1]["requests"],
        "ms": round(seconds * 1000, 1),
        "best ms": round(min(each["seconds"] for each in answers) * 1000, 1),
        "first ms": round(first["seconds"] * 1000, 1),
        "cpu ms": round(statistics.median(each["cpu"] for each in answers) * 1000, 1),
        "symbols/s": round(answers[-1]["symbols"] / seconds),
        "same columns": answers[-1]["schema"] == wanted,
    }


def _ask(child: subprocess.Popen[str], case: str) -> dict[str, Any]:
    child.stdin.write(f"{case}\n")
    child.stdin.flush()
    return json.loads(child.stdout.readline())


@contextlib.contextmanager
def _client(
    name: str, endpoint: str, python: Path, environment: dict[str, str]
) -> Iterator[subprocess.Popen[str]]:
    interpreter = sys.executable if name == "marketkit" else str(python)
    command = [interpreter, "-W", "ignore", "-m", "benchmarks.clients.run", name, endpoint]
    child = subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with child:
        yield child
        child.stdin.close()


@contextlib.contextmanager
def _replay(live: str) -> Iterator[str]:
    command = [sys.executable, "-m", "benchmarks._replay", live, str(LATENCY)]
    replay = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        yield json.loads(replay.stdout.readline())["endpoint"]
    finally:
        replay.terminate()
        replay.wait()


def _environment(home: Path) -> dict[str, str]:
    """A machine of our own: budgets, lake; no answers kept, so that cold means cold."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MARKETKIT")}
    return kept | {
        "MARKETKIT_BUDGET_DIR": str(home / "budget"),
        "MARKETKIT_LAKE": str(home / "lake"),
        "PYTHONPATH": str(ROOT),
    }


def _requests(endpoint: str) -> int:
    with urllib.request.urlopen(f"{endpoint}/requests") as answer:
        return json.load(answer)


@contextlib.contextmanager
def _peers() -> Iterator[Path]:
    kept = os.environ.get("MARKETKIT_PEERS2")
    if kept is not None:
        yield _python(Path(kept))
        return
    with tempfile.TemporaryDirectory(prefix="marketkit-clients-") as folder:
        yield _python(Path(folder))


def _python(folder: Path) -> Path:
    """Make the environment unless it is there, and install what can be installed."""
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        venv.create(folder, with_pip=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, "polars>=2.1"], check=True, stdout=sys.stderr)
        for peer in PEERS:  # one by one: one that fails must not take the others with it
            subprocess.run([*install, peer], check=False, stdout=sys.stderr)
    return python
