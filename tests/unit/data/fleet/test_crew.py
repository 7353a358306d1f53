"""The tasks of a job done by somebody else's workers: counted, tried again, given up as ever."""

from __future__ import annotations

import asyncio
import pickle
from concurrent.futures import CancelledError, Executor, Future, ThreadPoolExecutor

import pytest

from marketkit.coverage import Span
from marketkit.data.fetch.walks import FetchRun
from marketkit.data.fleet import crew as crews
from marketkit.data.fleet import lull as lulls
from marketkit.data.fleet.crew import crew
from marketkit.data.fleet.unit import Filled, _Filling, mark_of
from marketkit.data.jobs.ledger import Ledger
from marketkit.data.jobs.outage import Outage
from marketkit.data.jobs.tasks import BackfillRequest, Work, tasks
from marketkit.errors import Banned, InputError, MarketkitError, NotWritable, UnknownSymbol
from marketkit.net.parcels import unpack
from marketkit.timeframe import TIMEFRAMES, parse_time
from tests.scale.fleets import age
from tests.waiting import PATIENCE

MINUTES = TIMEFRAMES["1m"]
START, END = parse_time("2026-03-08T00:00Z"), parse_time("2026-03-10T08:00Z")
REQUEST = BackfillRequest("upbit", ("KRW-BTC",), "1m", START, END)
SLOTS = MINUTES.count(START, END)


class Workers(Executor):
    """Workers in this process: what `answers` gives for the next units, and then true work."""

    def __init__(self, filler, *answers) -> None:
        self.filler = filler
        self.answers = list(answers)
        self.units = []
        self._loop = asyncio.get_running_loop()

    def submit(self, work, /, *parcel):
        """Do a unit, or give the next answer."""
        assert work is unpack
        _, (_, unit) = pickle.loads(parcel[1])  # noqa: S301 - our own
        self.units.append(unit)
        answer = self.answers.pop(0) if self.answers else None
        if answer is None:
            return asyncio.run_coroutine_threadsafe(_Filling(self.filler, unit).do(), self._loop)
        future: Future[Filled] = Future()
        if isinstance(answer, BaseException):
            future.set_exception(answer)
        else:
            future.set_result(answer)
        return future


class Job:
    """A job with its ledger and a crew at it."""

    def __init__(self, filler, run, *answers, patience: float = 60.0) -> None:
        self.ledger = Ledger(filler.lake.root)
        filler.lake.require_writable()
        planned = tasks("KRW-BTC", MINUTES, filler.gaps("KRW-BTC", MINUTES, (START, END)))
        self.ledger.open(REQUEST, planned)
        self.workers = Workers(filler, *answers)
        outage = Outage(patience, run.say, filler.transport.now, run.interruptions)
        self.executor = crew(self.workers, "a site")(
            filler,
            self.ledger,
            MINUTES,
            run,
            again=Span(0, 0),
            outage=outage,
            markets=["KRW-BTC", "KRW-ETH"],
        )

    async def do(self) -> None:
        """Work at it until nothing is left."""
        try:
            await self.executor.work(self.ledger.register(REQUEST.id))
        finally:
            self.ledger.close()


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(crews, "_BUSY", 0.01)


def test_all_tasks_are_done_once_and_counted(fetch, exchange):
    async def main(filler, run):
        job = Job(filler, run)
        await job.do()
        assert not filler.lake.missing("KRW-BTC", "1m", START, END)
        return job, run, list(filler.lake.objects.list(".leases/"))

    job, run, left = fetch(main)
    totals = job.ledger.totals(REQUEST.id)
    asked = exchange.stats()["groups"]["candles"]["requests"]
    assert (totals.open, totals.leased, totals.done) == (0, 0, SLOTS)
    assert totals.requests == run.requests == run.reporter.progress.requests == asked
    assert totals.rows == run.rows == run.reporter.progress.rows
    assert len(job.workers.units) == len({unit.task for unit in job.workers.units})
    assert left == []


def test_a_run_sweeps_the_marks_of_runs_that_were_killed_long_ago(fetch):
    async def main(filler, run):
        job, objects = Job(filler, run), filler.lake.objects
        for name in ("killed", "at work"):
            objects.put(mark_of(name), b"{}", None)
        age(filler.lake.root / mark_of("killed"), 8 * 86_400)
        await job.do()
        return [key for key, _ in objects.list(".leases/")]

    assert fetch(main) == [mark_of("at work")]


def test_a_task_that_another_holds_is_sent_again_until_it_is_done(fetch):
    async def main(filler, run):
        job = Job(filler, run, Filled(busy=True), Filled(busy=True))
        await job.do()
        assert not filler.lake.missing("KRW-BTC", "1m", START, END)
        return [unit.task for unit in job.workers.units]

    sent = fetch(main)
    assert len(sent) == len(set(sent)) + 2


def test_a_symbol_that_is_refused_is_given_up_and_named(fetch):
    async def main(filler, run):
        job = Job(filler, run, *[Filled(Work(0, 1, 0), failure=UnknownSymbol("KRW-BTC"))] * 9)
        await job.do()
        return run

    run = fetch(main)
    assert isinstance(run.failures["KRW-BTC"], UnknownSymbol)
    assert run.requests >= 1


def test_a_worker_that_is_banned_is_waited_for_and_the_symbol_stays(fetch):
    async def main(filler, run):
        job = Job(filler, run, Filled(failure=Banned("a worker's address")))
        await job.do()
        assert not filler.lake.missing("KRW-BTC", "1m", START, END)
        return run

    run = fetch(main)
    assert run.failures == {}
    assert [each.reason for each in run.interruptions] == ["a worker's address"]


@pytest.mark.parametrize(
    ("failure", "kind", "said"),
    [
        (InputError("the worker has another marketkit"), InputError, "another marketkit"),
        (NotWritable("no room"), NotWritable, "no room"),
        (ZeroDivisionError("ours"), ZeroDivisionError, "ours"),
        (CancelledError(), MarketkitError, "with a new one the same call goes on"),
        (ImportError("No module named 'marketkit'"), InputError, "no marketkit"),
    ],
)
def test_what_every_unit_would_fail_with_ends_the_job(fetch, failure, kind, said):
    async def main(filler, run):
        job = Job(filler, run, *[failure] * 40)
        with pytest.raises(kind, match=said):
            await job.do()
        return list(filler.lake.objects.list(".leases/")), run

    left, run = fetch(main)
    assert left == []  # the run is no longer marked
    assert run.failures == {}


def test_an_executor_that_is_closed_ends_the_job_with_a_word(fetch):
    async def main(filler, run):
        job = Job(filler, run)
        job.executor._pool = pool = ThreadPoolExecutor(1)
        pool.shutdown()
        with pytest.raises(MarketkitError, match="the executor does no more work"):
            await job.do()

    fetch(main)


def test_units_are_added_while_the_executor_has_room(fetch, monkeypatch):
    monkeypatch.setattr(crews, "_FEW", 1)
    monkeypatch.setattr(crews, "_IDLE", 60.0)  # as of workers that wait for work

    async def main(filler, run):
        job = Job(filler, run)
        assert job.executor._most == 1
        await job.do()
        return job.executor._most, len(job.workers.units)

    most, units = fetch(main)
    assert most == 2**units


def test_a_job_that_is_left_takes_back_what_no_worker_has_begun(fetch, exchange):
    async def main(filler, run):
        job = Job(filler, run)
        waiting: list[Future[Filled]] = []
        sent = asyncio.Event()

        class Idle(Executor):
            def submit(self, *_):
                """Keep the work for later."""
                waiting.append(Future())
                sent.set()
                return waiting[-1]

        job.executor._pool = Idle()
        going = asyncio.create_task(job.do())
        await asyncio.wait_for(sent.wait(), 30)
        going.cancel()
        with pytest.raises(asyncio.CancelledError):
            await going
        return waiting, list(filler.lake.objects.list(".leases/"))

    waiting, left = fetch(main)
    assert all(each.cancelled() for each in waiting)
    assert left == []
    assert "candles" not in {each["group"] for each in exchange.requests()}


def test_a_job_whose_executor_has_no_worker_says_so_until_one_comes(fetch, monkeypatch):
    monkeypatch.setattr(lulls, "PATIENCE", 0.01)

    async def main(filler, run):
        job, waiting, said = Job(filler, run), [], asyncio.Event()
        say = FetchRun.say

        def note(run, text):
            say(run, text)
            if text:
                said.set()

        class Idle(Executor):
            def submit(self, work, /, *parcel):
                """Keep the work for later."""
                waiting.append((Future(), work, parcel))
                return waiting[-1][0]

        monkeypatch.setattr(FetchRun, "say", note)
        job.executor._pool = Idle()
        going = asyncio.create_task(job.do())
        await asyncio.wait_for(said.wait(), 30)
        told = str(run.reporter.progress)
        job.executor._pool = job.workers  # a worker joins, and takes what has been sent
        for future, work, parcel in waiting:
            future.set_result(await asyncio.wrap_future(job.workers.submit(work, *parcel)))
        await asyncio.wait_for(going, PATIENCE)
        assert not filler.lake.missing("KRW-BTC", "1m", START, END)
        return told, run.reporter.progress.note

    told, after = fetch(main)
    assert "no worker has taken a task for" in told
    assert after == ""


def test_a_job_that_is_paused_sends_nothing(fetch):
    async def main(filler, run):
        job = Job(filler, run)
        job.ledger.command(REQUEST.id, "pause")
        run.pause()
        going = asyncio.create_task(job.do())
        async with asyncio.timeout(PATIENCE):
            while not getattr(job.executor, "_task_runs", ()):  # noqa: ASYNC110 - tasks are leased, and wait
                await asyncio.sleep(0.01)
        assert job.workers.units == []
        job.ledger.command(REQUEST.id, None)
        await asyncio.wait_for(going, PATIENCE)
        assert not filler.lake.missing("KRW-BTC", "1m", START, END)

    fetch(main)
