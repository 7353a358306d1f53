"""Writers beside the lake's files: the ledger of jobs, recordings, settings and bans."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

from marketkit.coverage import Spans
from marketkit.data.jobs.ledger import Ledger
from marketkit.data.jobs.tasks import BackfillRequest, Task, Work
from marketkit.exchange.upbit.messages import Book, Unit
from marketkit.net.archive import terms
from marketkit.net.budget.ban import Ban
from marketkit.net.engine import end_task
from marketkit.realtime.subscriptions import Stream
from marketkit.recording.recorder import Recorder
from marketkit.timeframe import HOUR
from tests.unit.realtime.conftest import Told
from tests.unit.recording.conftest import START, trade

MARK = b"power: "
WANTED = BackfillRequest("upbit", ("KRW-BTC",), "1m", 0, 3_000_000)
TASKS = [Task("KRW-BTC", block, block * 600_000, (block + 1) * 600_000, 10) for block in range(5)]

_OPEN: list[Ledger] = []  # not closed before the end


def mark(said: str) -> None:
    """Say something in one call that strace sees."""
    os.write(2, MARK + said.encode() + b"\n")


# -- the ledger ---------------------------------------------------------------------


def no_ledger(world: Path) -> None:
    (world / "lake").mkdir()


def begin_job(world: Path) -> None:
    with Ledger(world / "lake") as ledger:
        ledger.open(WANTED, TASKS)


def task_done(world: Path) -> None:
    with Ledger(world / "lake") as ledger:
        me = ledger.register(WANTED.id)
        ledger.finish(me, ledger.lease(me), Work(10, 1, 10))
        ledger.beat(me, [], "")
        ledger.leave(me, "running")


def tasks_done_by_one(world: Path) -> None:
    """Finish two tasks and never close the file, as a job at work."""
    ledger = Ledger(world / "lake")
    _OPEN.append(ledger)
    me = ledger.register(WANTED.id)
    for _ in range(2):
        ledger.finish(me, ledger.lease(me), Work(10, 1, 10))
        mark("done")


# -- recordings ---------------------------------------------------------------------


# Messages of the recording, by number: of whom each is, and when it came.
BEGAN = START + HOUR - 8_000
HEARD = {
    number: ("KRW-BTC" if number % 3 else "KRW-ETH", BEGAN + number * 1_300 + (number > 6) * 9_000)
    for number in range(1, 14)
}
BREAKS = Spans([(HEARD[6][1] + 1, HEARD[7][1])])
FLUSHES = (3, 6, 9, 12)


def record(world: Path) -> None:
    """Record two channels, with a break in between, over the end of an hour."""
    asyncio.run(_record(world / "recording"))


async def _record(root: Path) -> None:
    told = Told(BEGAN)
    streams = [Stream(each, of) for each in ("orderbook", "trade") for of in ("KRW-BTC", "KRW-ETH")]
    recorder = Recorder(told, streams, root)
    await recorder.start()
    await end_task(recorder._task)  # a slow machine's clock would have it write in between
    mark("done")
    for number, (symbol, at) in HEARD.items():
        if number == 7:
            told.now = HEARD[6][1] + 1_000
            told.break_off("reset")
        told.now = at
        told.say(trade(number, at, symbol), Book(symbol, at, 1.0, 2.0, [Unit(3, 2, 1, 5)], 0.0))
        if number in FLUSHES:
            await recorder._flush()
            mark("done")
    told.now += 20_000
    await recorder.close()


# -- settings and bans ----------------------------------------------------------------


def accept(_world: Path) -> None:
    terms._remember()


def banned(seconds: float) -> Callable[[Path], object]:
    return lambda world: Ban(world / "budget" / "host.ban", host="host").impose(seconds)
