"""The lanes of this process at the tasks of one job."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from marketkit.coverage import Span, Spans
from marketkit.data.fetch.gaps import GapFiller
from marketkit.data.fetch.plan import split, walks
from marketkit.data.fetch.walks import Count, FetchRun, WalkState, stops_all, walk_one
from marketkit.data.jobs.ledger import Ledger
from marketkit.data.jobs.ledger_db import LedgerReset
from marketkit.data.jobs.outage import Outage
from marketkit.data.jobs.processes import Worker
from marketkit.data.jobs.tasks import Lease, Work
from marketkit.data.lake.lake import Lake
from marketkit.errors import (
    LakeError,
    MarketkitError,
    Offline,
    Refused,
    UnknownSymbol,
    without_frames,
)
from marketkit.exchange.upbit.proof import CandleRange
from marketkit.exchange.upbit.rest import candle_request
from marketkit.timeframe import Timeframe

T = TypeVar("T")

_NOTHING: Mapping[str, Spans] = {}  # to be left out

_BEAT = 1.0  # seconds; a command is obeyed within it, and `SILENT` is sixty times as long
_LOOK = 0.5  # seconds between two looks for tasks of others; a look is a query of the ledger
_ATTEMPTS = 5  # at a task, each of five requests, before its symbol is given up


@dataclass(slots=True)
class TaskRun:
    """A leased task: the walks that are not done, and the yield of all."""

    lease: Lease
    walks: list[CandleRange]
    count: Count = field(default_factory=Count)
    failure: MarketkitError | None = None

    @property
    def done(self) -> Work:
        """The work done, as the ledger counts work."""
        return Work(self.count.slots, self.count.requests, self.count.rows)

    def stop(self) -> None:
        """Have the walks end after the pages on the way."""
        for walk in self.walks:
            walk.start = walk.end


class Executor:
    """Works at a job with as many lanes as the exchange's latency asks for, and beats each second.

    Each lane takes a walk of a leased task, leases the next task, or shares the longest walk at
    work. `again` is the span in which known slots are asked, too, with `recheck` all from before a
    known beginning; `markets` are what the exchange lists. What is in `skip` is not asked for.
    """

    _me: Worker
    _task_runs: list[TaskRun]
    _waiting: deque[tuple[TaskRun, CandleRange]]
    _at_work: list[tuple[TaskRun, WalkState]]

    def __init__(
        self,
        filler: GapFiller,
        ledger: Ledger,
        timeframe: Timeframe,
        run: FetchRun,
        *,
        again: Span,
        recheck: bool = False,
        outage: Outage,
        markets: Sequence[str],
        skip: Mapping[str, Spans] = _NOTHING,
    ) -> None:
        self._filler = filler
        self._ledger = ledger
        self.timeframe = timeframe
        self.run = run
        self._again = again
        self._recheck = recheck
        self._outage = outage
        self._markets = markets
        self._skip = skip
        self._looking = asyncio.Lock()
        self._changed = asyncio.Event()

    @property
    def lake(self) -> Lake:
        """The lake that is filled."""
        return self._filler.lake

    async def work(self, me: Worker) -> None:
        """Do tasks until none of the job is left, here or in another process.

        Raises `Cancelled` when that was commanded through the ledger, the exchange's
        failure when patience ended, and trouble with the lake or the ledger.
        """
        self._me = me
        self._task_runs, self._waiting, self._at_work = [], deque(), []
        try:
            async with asyncio.TaskGroup() as group:
                pulse = group.create_task(self._pulse())
                await self._all_lanes(group)
                # Whoever did the last tasks, between two beats or in another process, had answers.
                self._outage.over(math.inf)
                await asyncio.to_thread(self.lake.close)  # pages that wait go into the files
                pulse.cancel()
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        finally:
            with suppress(Exception):  # the count of the last second, where it can be kept
                self._ledger.beat(self._me, self._progress(), "")

    async def _all_lanes(self, group: asyncio.TaskGroup) -> None:
        lanes: list[asyncio.Task[None]] = []
        while True:
            # The latency may have changed: it says how many must be under way at a time.
            while len(lanes) < self._most:
                lanes.append(group.create_task(self._lane()))
            _, pending = await asyncio.wait(lanes, timeout=_BEAT)
            if not pending:
                return

    @property
    def _most(self) -> int:
        """How many lanes there are to be."""
        return max(2, self._filler.lanes)

    async def _lane(self) -> None:
        while (found := await self._next()) is not None:
            await self._walk(*found)

    async def _next(self) -> tuple[TaskRun, WalkState] | None:
        """Find something to do; None when the job is done everywhere."""
        while True:
            async with self._looking:
                if not self._waiting:
                    await self._lease_next()
                if (found := self._take()) is not None:
                    return found
                totals = await self._ask(self._ledger.totals, self._me.job)
                if not totals.open + totals.leased:
                    if not await self._ask(self._ledger.knows, self._me.job):
                        raise LedgerReset  # what nobody had leased went with it
                    return None
                self._changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK):
                    await self._changed.wait()

    def _take(self) -> tuple[TaskRun, WalkState] | None:
        """Take a walk that waits, or the older half of the longest at work."""
        if self._waiting:
            task_run, walk = self._waiting.popleft()
            return task_run, WalkState(walk, walk.end, task_run.count)
        return self._share()

    def _share(self) -> tuple[TaskRun, WalkState] | None:
        if not self._at_work:
            return None
        task_run, walk_state = max(self._at_work, key=lambda pair: pair[1].to - pair[1].walk.start)
        half = split(walk_state.walk, walk_state.to)
        if half is None:
            return None
        task_run.walks.append(half)
        return task_run, WalkState(half, half.end, task_run.count)

    async def _lease_next(self) -> None:
        """Lease the next task of which anything is missing still."""
        while (lease := await self._ask(self._ledger.lease, self._me)) is not None:
            task_run = TaskRun(lease, [])
            try:
                task_run.walks += await asyncio.to_thread(self._walks, lease)
            except LakeError as failure:  # of this series: what it lacks cannot be told
                if self.lake.is_away(failure):
                    raise
                task_run.failure = without_frames(failure)  # which know it: a cycle
                await self._settle(task_run)
                continue
            if task_run.walks:
                self._task_runs.append(task_run)
                self._waiting.extend((task_run, walk) for walk in task_run.walks)
                return
            await self._finish(task_run)

    def _walks(self, lease: Lease) -> list[CandleRange]:
        symbol, _, start, end, _ = lease.task
        gaps = self._filler.gaps(
            symbol, self.timeframe, (start, end), self._again, absent=self._recheck
        )
        gaps -= self._skip.get(symbol, Spans())
        return walks(symbol, self.timeframe, gaps, settle=self._filler.settle)

    async def _walk(self, task_run: TaskRun, walk_state: WalkState) -> None:
        self._at_work.append((task_run, walk_state))
        try:
            await self._do(task_run, walk_state)
        except MarketkitError as failure:
            if stops_all(failure):
                raise
            task_run.failure = without_frames(failure)  # which know the task: a cycle
            task_run.stop()
        finally:
            self._at_work.remove((task_run, walk_state))
            task_run.walks.remove(walk_state.walk)
        if not task_run.walks:
            await self._settle(task_run)
            self._changed.set()

    async def _do(self, _: TaskRun, walk_state: WalkState) -> None:
        await walk_one(self._filler.lake, self._filler.transport, walk_state, self.run)

    async def _settle(self, task_run: TaskRun) -> None:
        """Tell the ledger how a task ended."""
        failure, lease = task_run.failure, task_run.lease
        if failure is None:
            await self._finish(task_run)
        elif await self._is_away(lease.task.symbol, failure):
            await self._ask(self._ledger.give_back, self._me, lease, task_run.done)
            self._drop(task_run)
            await self._outage.wait(failure)
        elif (
            isinstance(failure, UnknownSymbol | Refused | Offline | LakeError)
            or lease.attempts + 1 >= _ATTEMPTS
        ):
            self.run.failures[lease.task.symbol] = failure
            await self._ask(self._ledger.fail, self._me, lease, task_run.done, failure)
        else:
            delay = 2.0**lease.attempts
            await self._ask(self._ledger.put_off, self._me, lease, task_run.done, failure, delay)
        self._drop(task_run)

    async def _is_away(self, symbol: str, failure: MarketkitError) -> bool:
        """Tell an exchange that is away from one symbol that fails: ask for another."""
        told, outage = self.run.answered_at, self._outage
        other = next((name for name in self._markets if name != symbol), None)
        doubtful = other is not None and outage.may_be_one(failure, told)
        if not (doubtful or outage.is_one(failure, told)):
            return False
        if other is None:
            return True
        transport = self._filler.transport
        request = candle_request(other, self.timeframe, transport.now(), 1)
        try:
            await transport.send(request, self.run.priority)
        except UnknownSymbol:  # an answer, of a market that has ended
            pass
        except MarketkitError:
            return True
        self.run.answered_at = time.monotonic()
        return False

    async def _finish(self, task_run: TaskRun) -> None:
        task = task_run.lease.task
        await self._ask(self._ledger.finish, self._me, task_run.lease, task_run.done)
        moment = 0
        with suppress(LakeError):  # the next task of the symbol will tell
            moment = self.lake.nothing_before(task.symbol, self.timeframe) or 0
        # Where known slots are asked again, the beginning that the lake knows is in question.
        moment = 0 if self._recheck else min(moment, self._again.start)
        if task.start < moment:
            await self._ask(self._ledger.settle_before, self._me.job, task.symbol, moment)
        self._drop(task_run)

    def _progress(self) -> list[tuple[Lease, Work]]:
        return [(task_run.lease, task_run.done) for task_run in self._task_runs]

    def _drop(self, task_run: TaskRun) -> None:
        if task_run in self._task_runs:
            self._task_runs.remove(task_run)

    async def _pulse(self) -> None:
        """Beat: keep the leases, report the progress, obey commands of other processes."""
        due, progress = 0.0, self.run.reporter.progress
        while True:
            self._outage.over(self.run.answered_at)
            began = time.monotonic()
            beat = partial(self._ledger.beat, count=began >= due)
            heartbeat = await self._ask(beat, self._me, self._progress(), progress.note)
            if heartbeat.totals is not None:
                # Where counting takes long it is done seldom: pages are counted in between.
                due = began + 100 * (time.monotonic() - began)
                if not progress.total:
                    progress.begun = heartbeat.totals.done
                progress.total, progress.done = heartbeat.totals.slots, heartbeat.totals.done
            for task_run in self._task_runs:
                if task_run.lease.task in heartbeat.lost:
                    task_run.stop()
            self._obey(heartbeat.command)
            self.run.reporter.update()
            await asyncio.sleep(_BEAT)

    def _obey(self, command: str | None) -> None:
        if command == "cancel":
            raise Cancelled
        if command == "pause":
            self.run.pause()
        elif not self.run.going.is_set():
            self.run.go_on()

    async def _ask(self, question: Callable[..., T], *values: object) -> T:
        return await asyncio.to_thread(question, *values)


class Cancelled(Exception):
    """The job was cancelled through the ledger."""
