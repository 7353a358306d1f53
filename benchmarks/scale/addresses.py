"""The share of the legal limit that one address gets into a bucket, and that each of several gets.

One address is a job in this process; several are processes of a pool, two at each address: one asks
while the other writes and takes its next lease. Each address has folders of its own, as a machine.
The exchange counts by address, 15 ms away; the share is that of its arrivals in steady state, from
4 s after the last address began until the first has nothing left to do.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks._sandbox import asked, sandbox, scratch
from benchmarks.pacing import LATENCY_MS, utilisation
from marketkit.api.sync import SmartDataProvider
from marketkit.data.jobs.tasks import BLOCK
from marketkit.timeframe import MINUTE, iso, parse_time

ADDRESSES = ("127.0.0.2", "127.0.0.3", "127.0.0.4")
SYMBOLS = ("KRW-BTC", "KRW-ETH", "KRW-XRP", "KRW-SOL", "KRW-DOGE", "KRW-ADA")  # all trade always
NOW = "2026-11-20T00:00:00Z"
END = parse_time(NOW) // (BLOCK * MINUTE) * (BLOCK * MINUTE)  # where blocks are cut
AT_EACH = 2  # processes
PATIENCE = 300.0  # seconds for work of one
FULL = 0.9  # of the processors, from which on nobody gets one at once


class Paced(NamedTuple):
    """What the exchange saw of the addresses that a job asked from, and if all of it is there."""

    shares: list[float]  # of the limit, in percent
    rejected: int
    most: int  # requests of an address in any second
    busy: float  # of all processors, whoever used them
    complete: bool

    def limit(self, aim: float) -> str:
        """Name the limit that was met."""
        if min(self.shares) >= aim:
            return "requests"
        return "processor" if self.busy >= FULL else "neither"


def paced(url: str, count: int, *, quick: bool) -> Paced:
    """Fill a lake from so many addresses: a minute's work for each, or a third of that."""
    symbols, start = SYMBOLS[: 2 if quick else 6], END - count * BLOCK * MINUTE
    with scratch() as folder, _exchange() as endpoint, _workers(folder, count) as pool:
        settle(folder / "client")
        _trust_the_exchange()
        with SmartDataProvider(endpoint=endpoint, lake=url) as provider:
            plan = provider.plan(list(symbols), "1m", start=iso(start), end=iso(END))
            job = plan.run(on=pool)
            seen = []
            while not job.done:
                seen.append(_processors())
                time.sleep(0.2)
            report = job.wait(PATIENCE)
            whole = report.complete and not any(
                provider.lake().missing(each, "1m", start, END) for each in symbols
            )
        return _told(endpoint, count, seen, complete=whole)


def _exchange() -> Any:
    return sandbox("--now", NOW, "--latency-ms", str(LATENCY_MS))


@contextmanager
def _workers(folder: Path, count: int) -> Iterator[ProcessPoolExecutor | None]:
    """Give a pool with processes at so many addresses; one address is this process itself."""
    if count == 1:
        yield None
        return
    context = get_context("spawn")
    addresses: SimpleQueue[str] = context.SimpleQueue()
    for address in ADDRESSES[:count] * AT_EACH:
        addresses.put(address)
    told = (folder, addresses)
    with ProcessPoolExecutor(AT_EACH * count, context, _begin, told) as pool:
        yield pool


def _begin(folder: Path, addresses: SimpleQueue[str]) -> None:
    """Be a process of the machine at the next address."""
    os.environ["MARKETKIT_ADDRESS"] = address = addresses.get()
    _trust_the_exchange()
    settle(folder / address)


def _trust_the_exchange() -> None:
    """Say nothing of the exchange's clock, which has a day of its own."""
    warnings.filterwarnings("ignore", "the clock of this machine says")


def settle(folder: Path) -> None:
    """Have what stays on a machine, budgets, mirrors and ledgers, below a folder."""
    for name in ("BUDGET_DIR", "CACHE", "LAKE"):
        os.environ[f"MARKETKIT_{name}"] = str(folder / name.lower())


def _told(
    endpoint: str, count: int, seen: list[tuple[float, int, int]], *, complete: bool
) -> Paced:
    arrivals: dict[str, list[float]] = {}
    for each in asked(endpoint, "requests"):
        if each["group"] == "candles":
            arrivals.setdefault(each["client"], []).append(each["arrival"])
    began, ended = max(map(min, arrivals.values())), min(map(max, arrivals.values()))
    shares = [utilisation(each, began, ended - began) for each in arrivals.values()]
    groups = [each["candles"] for each in asked(endpoint, "stats")["addresses"].values()]
    return Paced(
        shares=shares if len(shares) == count else [0.0],  # an address that nobody asked from
        rejected=sum(each["rejected"] for each in groups),
        most=max(each["worst_1s"] for each in groups),
        busy=_busy([each for each in seen if began <= each[0] <= ended]),
        complete=complete,
    )


def _processors() -> tuple[float, int, int]:
    """Give the moment, and the time that all processors have been idle and there, of Linux."""
    with Path("/proc/stat").open() as file:
        spent = list(map(int, file.readline().split()[1:9]))
    return time.monotonic(), spent[3] + spent[4], sum(spent)


def _busy(seen: list[tuple[float, int, int]]) -> float:
    (_, idle, spent), (_, idle_then, spent_then) = seen[0], seen[-1]
    return 1 - (idle_then - idle) / (spent_then - spent)
