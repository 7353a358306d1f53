"""A unit of work on its way to a worker: one task of a job, for a process that has its own site.

The site of a process, its transport, budget and lake, is made by the first unit that comes and
kept. A unit looks for what is missing, leases the task, looks again, fills and lets go: whoever is
sent it once more asks for nothing that is there.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from marketkit.coverage import Span, Spans
from marketkit.data.fetch.gaps import GapFiller
from marketkit.data.fetch.walks import FetchRun
from marketkit.data.fleet.leases import LASTS, RUNS, Leases, kept, key_of
from marketkit.data.jobs.tasks import Task, Work
from marketkit.data.lake.format import marker
from marketkit.errors import InputError, LakeError, MarketkitError
from marketkit.exchange.dialect import Priority
from marketkit.exchange.upbit.proof import CandleRange
from marketkit.net.engine import engine
from marketkit.net.parcels import whereabouts
from marketkit.progress import Progress, Reporter
from marketkit.timeframe import TIMEFRAMES, Timeframe

Site = Callable[[], GapFiller]


@dataclass(frozen=True, slots=True)
class Terms:
    """The part of all units of a job that is the same; as `Executor` has it.

    `mark` is the object that says, in the lake itself, that this run goes on; a lease `lasts` so
    many seconds, and `format` is the newest format of lakes that the sender knows.
    """

    timeframe: str
    again: Span
    recheck: bool
    priority: Priority
    mark: str
    lasts: float = LASTS
    format: int = marker.JOURNALLED


@dataclass(frozen=True, slots=True)
class Unit:
    """One task for a worker, with the slots of the symbol that others bring."""

    terms: Terms
    task: Task
    skip: Spans


@dataclass(frozen=True, slots=True)
class Filled:
    """The result of a unit: the work done, how long that took, and a failure of the symbol.

    `busy` says that another worker holds the task: from the first, or by the time of the end.
    """

    work: Work = field(default_factory=Work)
    revisions: int = 0
    failure: MarketkitError | None = None
    busy: bool = False
    seconds: float = 0.0
    at: int = 0


def fill(site: Site, unit: Unit) -> Filled:
    """Do a unit in this process, on the engine's loop.

    Raises `InputError` where this marketkit is another one, and `LakeError` where the lake is not
    that of the sender or cannot be written.
    """
    if unit.terms.format != marker.JOURNALLED:
        raise InputError(
            f"the worker {whereabouts()} knows lakes of format {marker.JOURNALLED}, and the work is"
            f" for format {unit.terms.format};\ninstall the same version in both"
        )
    return engine().run(_Filling(site(), unit).do())


@dataclass(slots=True)
class _Filling:
    """A unit at work."""

    filler: GapFiller
    unit: Unit
    began: float = field(default_factory=time.monotonic)
    lost: bool = False

    @property
    def timeframe(self) -> Timeframe:
        """The width of the candles."""
        return TIMEFRAMES[self.unit.terms.timeframe]

    async def do(self) -> Filled:
        """Look, lease, look again, fill, and let go."""
        lake, terms = self.filler.lake, self.unit.terms
        await asyncio.to_thread(self._require_the_lake)
        if not await asyncio.to_thread(self._walks):
            return Filled(seconds=self._seconds)
        symbol, block = self.unit.task[:2]
        leases = Leases(lake.objects, lasts=terms.lasts)
        key = key_of(lake.source, self.timeframe, symbol, block)
        lease = await asyncio.to_thread(leases.take, key)
        if lease is None:
            return Filled(busy=True, seconds=self._seconds)
        run = FetchRun(terms.priority, Reporter(Progress(symbol), show=False))
        walks: list[CandleRange] = []

        def stop() -> None:  # somebody else is at it: after the pages on the way
            self.lost = True
            for walk in walks:
                walk.start = walk.end

        async with kept(lease, stop):
            walks += await asyncio.to_thread(self._walks)  # what came in before the lease
            try:
                await self.filler.fill([] if self.lost else walks, run)
            finally:
                await asyncio.to_thread(lake.close)  # the pages go where others look
        return self._filled(run)

    def _walks(self) -> list[CandleRange]:
        terms, (symbol, _, start, end, _) = self.unit.terms, self.unit.task
        span = (start, end)
        gaps = self.filler.gaps(symbol, self.timeframe, span, terms.again, absent=terms.recheck)
        return self.filler.walks(self.timeframe, {symbol: gaps - self.unit.skip})

    def _filled(self, run: FetchRun) -> Filled:
        done = run.reporter.progress.done
        failure = run.failures.get(self.unit.task.symbol)
        if isinstance(failure, LakeError) and self.filler.lake.is_away(failure):
            raise failure  # the next unit would fail with it, too
        work = Work(done, run.requests, run.rows)
        told = (work, run.revisions, failure, self.lost and failure is None)
        return Filled(*told, seconds=self._seconds, at=run.at)

    def _require_the_lake(self) -> None:
        """Raise `LakeError` where the lake here is not the one in which the run was marked."""
        lake = self.filler.lake
        try:
            lake.objects.read(self.unit.terms.mark)
        except FileNotFoundError:
            raise LakeError(
                f"the worker {whereabouts()} finds no run {self.unit.terms.mark} in the lake"
                f" {lake.where};\nthe run has ended, or this is another folder than the sender's:"
                " share one, or take a bucket"
            ) from None

    @property
    def _seconds(self) -> float:
        return time.monotonic() - self.began


def mark_of(run: str) -> str:
    """Name the object that says that a run goes on."""
    return f"{RUNS}{run}.json"
