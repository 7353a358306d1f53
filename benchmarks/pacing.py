"""How much of the limit saturating processes get, and how long a critical request waits.

Real processes against sandboxes on loopback: 10 requests a second, 15 ms away. Utilisation is that
of the exchange's own arrivals in steady state.
"""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from marketkit.exchange.dialect import Priority, Request
from marketkit.exchange.upbit.limits import UPBIT
from marketkit.net.budget import pacing as lanes
from marketkit.net.transport import Transport

WINDOWS = ("first-call", "sliding", "clock")
LATENCY_MS = 15
WARM_UP = 4.0  # the path is not known yet, and the first second is silent
COOL_DOWN = 0.5
COLD = 20  # processes that begin at once, with no budget there
COLD_FOR = 40.0  # seconds; two cores need ten of these to load twenty times what sends
LIMIT = UPBIT.limits["candles"]
REQUEST = Request("/v1/candles/minutes/1", (("market", "KRW-BTC"), ("count", "1")), "candles")
ROOT = Path(__file__).resolve().parents[1]


class Cell(NamedTuple):
    """One sandbox and the processes that saturate it, perhaps with a critical one beside them.

    Cold ones do not wait for each other: they send as soon as they have loaded what they need.
    """

    window: str
    jitter_ms: int
    processes: int
    critical: bool = False
    cold: bool = False


class Task(NamedTuple):
    """What one process does: `workers` that send from `began` to `end` on the machine's clock."""

    endpoint: str
    folder: str
    began: float
    end: float
    priority: Priority
    workers: int


def measure(*, quick: bool) -> dict[str, Any]:
    """Measure every cell; 8 s each if `quick`, else 40 s, as are those of cold processes."""
    seconds = 8.0 if quick else 40.0
    rows = asyncio.run(_all_waves(seconds))
    return {"rows": rows, "ratios": _ratios(rows)}


async def _all_waves(seconds: float) -> list[dict[str, Any]]:
    """Measure the three windows side by side, everything else one after the other."""
    kinds = [*product((0, 5), (1, 4), (False,)), (0, 3, True)]
    waves = [[Cell(window, *kind) for window in WINDOWS] for kind in kinds]
    rows = [row for wave in waves for row in await _wave(wave, seconds)]
    for window in WINDOWS:
        cell = Cell(window, 0, COLD, cold=True)
        rows += await _wave([cell], max(seconds, COLD_FOR))
    return rows


async def _wave(cells: Iterable[Cell], seconds: float) -> list[dict[str, Any]]:
    return await asyncio.gather(*(_cell(cell, seconds) for cell in cells))


async def _cell(cell: Cell, seconds: float) -> dict[str, Any]:
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        endpoint = await stack.enter_async_context(_sandbox(cell))
        began = time.monotonic() + 2.0  # when every process is up
        work: list[tuple[Priority, int]] = [("low", 10)] * cell.processes
        work += [("critical", 1)] * cell.critical
        clients = await asyncio.gather(
            *(
                _client(Task(endpoint, folder, began * (not cell.cold), began + seconds, *each))
                for each in work
            )
        )
        seen = await _seen(endpoint)
        arrivals = [r["arrival"] for r in await _requests(endpoint)]
    return _row(cell, utilisation(arrivals, began, seconds), seen, clients)


@asynccontextmanager
async def _sandbox(cell: Cell) -> AsyncIterator[str]:
    flags = ["--limit-window", cell.window, "--latency-ms", LATENCY_MS, "--jitter-ms"]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "marketkit.sandbox", *map(str, flags), str(cell.jitter_ms)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        yield json.loads(await process.stdout.readline())["endpoint"]
    finally:
        process.terminate()
        await process.wait()


async def _client(task: Task) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "benchmarks.pacing", json.dumps(task)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    return json.loads(out)


async def _seen(endpoint: str) -> dict[str, int]:
    return (await _get(f"{endpoint}/sandbox/stats"))["groups"]["candles"]


async def _requests(endpoint: str) -> list[dict[str, Any]]:
    return await _get(f"{endpoint}/sandbox/requests")


async def _get(url: str) -> Any:
    async with httpx.AsyncClient() as client:
        return (await client.get(url)).json()


def utilisation(arrivals: list[float], began: float, seconds: float) -> float:
    """Give the rate between the first and the last arrival of the steady state, in percent."""
    start, end = began + WARM_UP, began + seconds - COOL_DOWN
    steady = sorted(at for at in arrivals if start <= at < end)
    rate = (len(steady) - 1) / (steady[-1] - steady[0])
    return 100 * rate * LIMIT.seconds / LIMIT.requests


def _row(
    cell: Cell, utilisation: float, seen: dict[str, int], clients: list[dict[str, Any]]
) -> dict[str, Any]:
    saturating = [c["requests"] for c in clients[: cell.processes]]
    row = {
        "window": cell.window,
        "jitter_ms": cell.jitter_ms,
        "processes": cell.processes,
        "requests": seen["requests"],
        "rejected": seen["rejected"],
        "worst_1s": seen["worst_1s"],
        "utilisation_pct": round(utilisation, 2),
        "excess_rtt_ms": round(clients[0]["excess_ms"], 1),
        "smallest_share": round(min(saturating) / max(saturating), 2),
        "cpu_ms_per_request": round(
            1000 * sum(c["cpu_s"] for c in clients) / sum(c["requests"] for c in clients), 2
        ),
    }
    return row | _critical(clients[-1]["waits_ms"] if cell.critical else [])


def _critical(waits: list[float]) -> dict[str, float | None]:
    """Say how long a critical request waited for its turn."""
    if not waits:
        return dict.fromkeys(("critical_median_ms", "critical_p90_ms", "critical_max_ms"))
    return {
        "critical_median_ms": round(statistics.median(waits), 1),
        "critical_p90_ms": round(sorted(waits)[int(0.9 * len(waits))], 1),
        "critical_max_ms": round(max(waits), 1),
    }


def _ratios(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Give the figures that have targets: 99 and 98 %, 0, and 70 ms."""
    steady = [row for row in rows if row["processes"] != COLD]
    plain = [row for row in steady if row["critical_median_ms"] is None]
    medians = [r["critical_median_ms"] for r in rows if r["critical_median_ms"] is not None]
    return {
        "utilisation_without_jitter_pct": _mean_utilisation(plain, 0),
        "utilisation_at_5_ms_jitter_pct": _mean_utilisation(plain, 5),
        "lowest_utilisation_without_jitter_pct": _lowest_utilisation(plain, 0),
        "lowest_utilisation_at_5_ms_jitter_pct": _lowest_utilisation(plain, 5),
        "rejected": sum(row["rejected"] for row in rows),
        "critical_median_ms": max(medians),
    }


def _mean_utilisation(rows: list[dict[str, Any]], jitter_ms: int) -> float:
    return round(statistics.mean(_utilisations(rows, jitter_ms)), 2)


def _lowest_utilisation(rows: list[dict[str, Any]], jitter_ms: int) -> float:
    return min(_utilisations(rows, jitter_ms))


def _utilisations(rows: list[dict[str, Any]], jitter_ms: int) -> list[float]:
    return [row["utilisation_pct"] for row in rows if row["jitter_ms"] == jitter_ms]


async def _send(task: Task) -> dict[str, Any]:
    """Be one of the processes: saturate, or send a critical request now and then."""
    transport = Transport(task.endpoint, UPBIT, timeout=30, budget_dir=Path(task.folder))
    waits = _timed(transport)
    await asyncio.sleep(task.began - time.monotonic())

    async def work() -> None:
        while time.monotonic() < task.end:
            if task.priority == "critical":
                await asyncio.sleep(random.uniform(0.3, 0.9))
            await transport.send(REQUEST, task.priority)

    cpu = time.process_time()
    await asyncio.gather(*(work() for _ in range(task.workers)))
    used = time.process_time() - cpu
    excess = await _excess(transport)
    await transport.close()
    requests = transport.stats()["candles"].requests
    return {"requests": requests, "cpu_s": used, "waits_ms": waits[5:], "excess_ms": excess}


async def _excess(transport: Transport) -> float:
    """Give by how many ms the mean round trip is longer than the shortest."""
    budget = transport._budget(REQUEST.group)
    while True:
        try:
            path = budget.update(lambda state, _now: state)
        except BlockingIOError:  # another process has the file this very moment
            await asyncio.sleep(0.001)
        else:
            return 1000 * (path.rtt_mean - lanes.shortest(path))


def _timed(transport: Transport) -> list[float]:
    """Note how long every turn was waited for."""
    budget, waits = transport._budget(REQUEST.group), []
    acquire = budget.acquire

    async def timed(priority: Priority) -> Any:
        asked = time.monotonic()
        slot = await acquire(priority)
        waits.append(1000 * (time.monotonic() - asked))
        return slot

    budget.acquire = timed
    return waits


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(_send(Task(*json.loads(sys.argv[1]))))))
