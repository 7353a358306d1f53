"""The tasks of a job are done by whoever leases them; commands and dead processes are heeded."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from marketkit.coverage import Span
from marketkit.data.jobs import executor
from marketkit.data.jobs.executor import Cancelled, Executor
from marketkit.data.jobs.ledger import Ledger
from marketkit.data.jobs.outage import Outage
from marketkit.data.jobs.tasks import BackfillRequest, tasks
from marketkit.errors import UnknownSymbol
from marketkit.timeframe import TIMEFRAMES, parse_time
from tests.unit.data.conftest import RULES
from tests.unit.realtime.conftest import until
from tests.waiting import PATIENCE

MINUTES = TIMEFRAMES["1m"]
START, END = parse_time("2026-03-08T00:00Z"), parse_time("2026-03-10T08:00Z")
REQUEST = BackfillRequest("upbit", ("KRW-BTC",), "1m", START, END)
NOTHING = Span(0, 0)


class Work:
    """A job with its ledger and an executor at it."""

    def __init__(self, filler, run, symbol: str = "KRW-BTC", patience: float = 60.0) -> None:
        self.ledger = Ledger(filler.lake.root)
        planned = tasks(symbol, MINUTES, filler.gaps(symbol, MINUTES, (START, END)))
        self.ledger.open(REQUEST, planned)
        outage = Outage(patience, run.say, filler.transport.now, run.interruptions)
        self.executor = Executor(
            filler,
            self.ledger,
            MINUTES,
            run,
            again=NOTHING,
            outage=outage,
            markets=["KRW-BTC", "KRW-ETH"],
        )

    async def do(self) -> None:
        """Work at it until nothing is left."""
        try:
            await self.executor.work(self.ledger.register(REQUEST.id))
        finally:
            self.ledger.close()


def test_all_tasks_are_done_and_counted(fetch):
    async def main(filler, run):
        work = Work(filler, run)
        await work.do()
        assert not filler.lake.missing("KRW-BTC", "1m", START, END)
        return work.ledger.totals(REQUEST.id), run

    totals, run = fetch(main)
    assert (totals.open, totals.leased) == (0, 0)
    assert totals.done == totals.slots == MINUTES.count(START, END)
    assert totals.requests == run.requests
    assert totals.rows == run.rows


def test_two_at_one_job_share_its_tasks(fetch, exchange):
    async def main(filler, run):
        one, other = Work(filler, run), Work(filler, replace(run))
        await asyncio.gather(one.do(), other.do())
        return MINUTES.count(START, END)

    slots = fetch(main)
    assert exchange.stats()["groups"]["candles"]["requests"] <= slots / 200 + 8


def test_a_command_to_cancel_ends_the_work(fetch):
    async def main(filler, run):
        run.pause()
        work = Work(filler, run)
        work.ledger.register(REQUEST.id)  # a job that nobody works on is cancelled at once
        work.ledger.command(REQUEST.id, "cancel")
        with pytest.raises(Cancelled):
            await work.do()

    fetch(main)


@pytest.mark.parametrize("steps", range(5))
def test_work_is_cancelled_whatever_wakes_a_lane_just_then(fetch, steps):
    async def main(filler, run):
        work = Work(filler, run)
        while work.ledger.lease(work.ledger.register(REQUEST.id)):
            pass  # another process has all there is to do, so that each lane waits
        doing = asyncio.create_task(work.do())
        changed = work.executor._changed
        await until(lambda: len(changed._waiters) >= work.executor._most)
        changed.set()
        for _ in range(steps):
            await asyncio.sleep(0)
        doing.cancel()
        await asyncio.wait((doing,), timeout=PATIENCE)
        assert doing.cancelled()

    fetch(main)


def test_a_command_to_pause_holds_the_work_until_it_is_taken_back(fetch, exchange):
    async def main(filler, run):
        work = Work(filler, run)
        work.ledger.command(REQUEST.id, "pause")
        paused = asyncio.Event()
        run.reporter.attach(lambda: run.going.is_set() or paused.set())
        task = asyncio.create_task(work.do())
        await paused.wait()
        with Ledger(filler.lake.root) as other:
            other.command(REQUEST.id, None)
        await task
        assert not filler.lake.missing("KRW-BTC", "1m", START, END)

    fetch(main)


def test_a_symbol_that_is_refused_is_given_up_at_once(fetch):
    async def main(filler, run):
        work = Work(filler, run, symbol="KRW-NOPE")
        await work.do()
        return run, work.ledger.failures(REQUEST.id)

    run, failures = fetch(main)
    assert isinstance(run.failures["KRW-NOPE"], UnknownSymbol)
    assert set(failures) == {"KRW-NOPE"}
    assert run.requests == 0


def test_a_task_that_fails_is_tried_again(fetch, exchange):
    exchange.strike("badjson", times=2, path="candles", symbol="KRW-BTC")
    once = replace(RULES, retry_delay=lambda _failure, _attempt: None)

    async def main(filler, run):
        await Work(filler, run).do()
        return filler.lake.missing("KRW-BTC", "1m", START, END), run.failures

    missing, failures = fetch(main, once)
    assert not missing
    assert not failures
    assert exchange.stats()["faults"]["badjson"] == 2


def test_an_outage_that_ends_between_two_beats_is_closed_with_the_work(
    fetch, exchange, monkeypatch
):
    monkeypatch.setattr(executor, "_BEAT", 3600.0)

    async def main(filler, run):
        exchange.set_faults({"reset": 1.0})
        work = Work(filler, run)
        doing = asyncio.create_task(work.do())
        await until(lambda: run.interruptions)
        exchange.set_faults({})
        await doing
        return run

    run = fetch(main)
    (told,) = run.interruptions
    assert told.end == told.closed is not None
    assert told.how == "rest"
    assert run.reporter.progress.note == ""
