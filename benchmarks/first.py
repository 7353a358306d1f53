"""From `import marketkit` to the first frame, in fresh Jupyter kernels: lake, ticker, new machine.

Real kernels, one after the other, and a sandbox at the legal limit in a process of its own. What is
measured runs inside the kernel, from before the import to the frame. A new machine has no budget
file, no lake and nothing kept, and right before each of its calls another program spends all that
the exchange grants in a second: a rejection would be one of ours.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import statistics
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from jupyter_client.manager import start_new_kernel

from benchmarks._program import ROOT
from benchmarks._sandbox import run, sandbox, scratch

CALLS = {
    "lake": "mk.get_candle('KRW-BTC', '1m', source='lake', start='{start}', end='{end}')",
    "ticker": "mk.get_ticker('KRW-BTC')",
    "candles": "mk.get_candle('KRW-BTC', '1m')",
}
AIMS = {"lake": 0.35, "ticker": 0.6, "new": 1.5}
MEASURED = """
import time
began = time.perf_counter()
import marketkit as mk
frame = {call}
took = time.perf_counter() - began
rejected = mk.status().requests["rejected"].sum()
print(took, rejected, frame.height)
"""
FILL = """
import json, sys
import marketkit as mk
mk.get_ticker("KRW-BTC")
frame = mk.get_candle("KRW-BTC", "1m", start=sys.argv[1], end=sys.argv[2])
print(json.dumps(frame.height))
"""
NOW = "2026-11-20T00:00:30Z"
WEEK = {"start": "2026-11-10", "end": "2026-11-17"}
SPENT = ("/v1/market/all", "/v1/ticker?markets=KRW-BTC", "/v1/candles/minutes/1?market=KRW-BTC")
_NOT_OURS = {"PYTHONDONTWRITEBYTECODE", "MARKETKIT_CACHE", "MARKETKIT_OFFLINE"}
LIMIT = 10  # requests that one group takes in a second


class First(NamedTuple):
    """Seconds from the import to the first frame, and requests of ours that were rejected."""

    seconds: float
    rejected: int


def measure(*, quick: bool) -> dict[str, Any]:
    """Measure each case in 10 kernels; in 3 if `quick`."""
    times = 3 if quick else 10
    with scratch() as folder, sandbox("--seed", "7", "--now", NOW) as endpoint:
        known = _environment(endpoint, folder / "known")
        run(FILL, *WEEK.values(), env=known)
        rows = [
            _row("lake", "known", [_first("lake", known) for _ in range(times)]),
            _row("ticker", "known", [_first("ticker", known) for _ in range(times)]),
        ]
        for call in ("ticker", "candles"):
            took = [_new(call, endpoint, folder / f"{call}{at}") for at in range(times)]
            rows.append(_row(call, "new", took))
    return {"rows": rows, "ratios": {"load at the end": round(os.getloadavg()[0], 1)}}


def _new(call: str, endpoint: str, home: Path) -> First:
    """Make the first call of a machine that is new, right after somebody else's."""
    return _first(call, _environment(endpoint, home), lambda: _spend(endpoint))


def _environment(endpoint: str, home: Path) -> dict[str, str]:
    home.mkdir()
    own = {
        "HOME": str(home),
        "PYTHONPYCACHEPREFIX": str(home.parent / "compiled"),
        "MARKETKIT_ENDPOINT": endpoint,
        "MARKETKIT_LAKE": str(home / "lake"),
        "MARKETKIT_BUDGET_DIR": str(home / "budget"),
        "PYTHONPATH": str(ROOT),
    }
    others = {key: os.environ[key] for key in os.environ if key not in _NOT_OURS}
    return others | own


def _first(call: str, env: dict[str, str], before: Callable[[], None] = lambda: None) -> First:
    """Call for a first frame in a new kernel."""
    with _kernel(env) as execute:
        before()
        took, rejected, rows = execute(MEASURED.format(call=CALLS[call].format(**WEEK))).split()
    assert int(rows) > 0, call
    return First(float(took), int(rejected))


@contextlib.contextmanager
def _kernel(env: dict[str, str]) -> Iterator[Callable[[str], str]]:
    """Start a kernel; give a function that runs a cell and gives the printed text."""
    manager, client = start_new_kernel(env=env)

    def execute(cell: str) -> str:
        printed: list[str] = []

        def hear(message: dict[str, Any]) -> None:
            content = message["content"]
            assert message["msg_type"] != "error", "\n".join(content["traceback"])
            if message["msg_type"] == "stream" and content["name"] == "stdout":
                printed.append(content["text"])

        client.execute_interactive(cell, timeout=60, output_hook=hear)
        return "".join(printed)

    try:
        yield execute
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def _spend(endpoint: str) -> None:
    """Use up all groups at once, as a tool that knows no budget."""
    connection = http.client.HTTPConnection(endpoint.removeprefix("http://"))
    with contextlib.closing(connection):
        for path in SPENT * LIMIT:
            connection.request("GET", path)
            connection.getresponse().read()


def _row(call: str, machine: str, firsts: list[First]) -> dict[str, Any]:
    aim = AIMS["new" if machine == "new" else call]
    took = [each.seconds for each in firsts]
    median = statistics.median(took)
    return {
        "first frame": call,
        "machine": machine,
        "median s": round(median, 3),
        "slowest s": round(max(took), 3),
        "aim": aim,
        "met": "yes" if median <= aim else "NO",
        "rejected": sum(each.rejected for each in firsts),
    }
