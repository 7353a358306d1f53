"""The lanes of this process at the tasks of one job."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from marketkit.coverage import Span
from marketkit.data.fetch.gaps import GapFiller
from marketkit.data.fetch.plan import split, walks
from marketkit.data.fetch.walks import Count, FetchRun, WalkState, walk_one
from marketkit.data.jobs.ledger import Ledger
from marketkit.data.jobs.ledger_db import Broken
from marketkit.data.jobs.outage import Outage
from marketkit.data.jobs.processes import Worker
from marketkit.data.jobs.tasks import Lease, Work
from marketkit.data.lake.lake import Lake
from marketkit.errors import LakeError, MarketkitError, Offline, Refused, UnknownSymbol
from marketkit.exchange.upbit.paging import CandleRange
from marketkit.exchange.upbit.rest import candle_request
from marketkit.timeframe import Timeframe

T = TypeVar("T")

_BEAT = 1.0  # seconds
_LOOK = 0.5  # seconds between two looks for a task that others may have let go of
_ATTEMPTS = 5  # at a task, before its symbol is given up


@dataclass(slots=True)
class TaskRun:
    """A claimed task: its walks that are not done, and what they have brought."""

    claim: Lease
    walks: list[CandleRange]
    count: Count = field(default_factory=Count)
    failure: MarketkitError | None = None

    @property
    def done(self) -> Work:
        """What the ledger is to know of it."""
        return Work(self.count.slots, self.count.requests, self.count.rows)

    def stop(self) -> None:
        """Have its walks end after the page they wait for."""
        for walk in self.walks:
            walk.start = walk.end


class Executor:
    """Works at a job with as many lanes as the exchange's latency asks for, and beats each second.

    Each lane takes a walk of a claimed task, claims the next task, or shares the longest walk at
    work. `again` is the span in which covered slots are asked, too; `markets` are what the exchange
    lists.
    """

    _me: Worker
    _pieces: list[TaskRun]
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
        outage: Outage,
        markets: Sequence[str],
    ) -> None:
        self._filler = filler
        self._ledger = ledger
        self.timeframe = timeframe
        self.run = run
        self._again = again
        self._outage = outage
        self._markets = markets
        self._looking = asyncio.Lock()
        self._changed = asyncio.Event()

    @property
    def lake(self) -> Lake:
        """The lake that is filled."""
        return self._filler.lake

    async def work(self, me: Worker) -> None:
        """Do tasks until none of the job is left, here or in another process.

        Raises `Cancelled` when somebody wished for that through the ledger, the exchange's
        failure when patience ended, and trouble with the lake or the ledger.
        """
        self._me = me
        self._pieces, self._waiting, self._at_work = [], deque(), []
        try:
            async with asyncio.TaskGroup() as group:
                pulse = group.create_task(self._pulse())
                await self._all_lanes(group)
                pulse.cancel()
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        finally:
            with suppress(Exception):  # the count of the last second, where it can be kept
                self._ledger.beat(self._me, [(each.claim, each.done) for each in self._pieces], "")

    async def _all_lanes(self, group: asyncio.TaskGroup) -> None:
        lanes: list[asyncio.Task[None]] = []
        while True:
            # The latency may have changed: it says how many must be under way at a time.
            while len(lanes) < max(2, self._filler.lanes):
                lanes.append(group.create_task(self._lane()))
            _, pending = await asyncio.wait(lanes, timeout=_BEAT)
            if not pending:
                return

    async def _lane(self) -> None:
        while (found := await self._next()) is not None:
            await self._do(*found)

    async def _next(self) -> tuple[TaskRun, WalkState] | None:
        """Find something to do; None when the job is done everywhere."""
        while True:
            async with self._looking:
                if not self._waiting:
                    await self._claim()
                if (found := self._take()) is not None:
                    return found
                totals = await self._ask(self._ledger.totals, self._me.job)
                if not totals.open + totals.leased:
                    if not await self._ask(self._ledger.knows, self._me.job):
                        raise Broken  # what nobody had claimed went with it
                    return None
                self._changed.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), _LOOK)

    def _take(self) -> tuple[TaskRun, WalkState] | None:
        """Take a walk that waits, or the older half of the longest at work."""
        if self._waiting:
            piece, walk = self._waiting.popleft()
            return piece, WalkState(walk, walk.end, piece.count)
        if not self._at_work:
            return None
        piece, lane = max(self._at_work, key=lambda pair: pair[1].to - pair[1].walk.start)
        half = split(lane.walk, lane.to)
        if half is None:
            return None
        piece.walks.append(half)
        return piece, WalkState(half, half.end, piece.count)

    async def _claim(self) -> None:
        """Claim the next task of which anything is missing still."""
        while (claim := await self._ask(self._ledger.claim, self._me)) is not None:
            piece = TaskRun(claim, await asyncio.to_thread(self._walks, claim))
            if piece.walks:
                self._pieces.append(piece)
                self._waiting.extend((piece, walk) for walk in piece.walks)
                return
            await self._finish(piece)

    def _walks(self, claim: Lease) -> list[CandleRange]:
        symbol, _, start, end, _ = claim.task
        gaps = self._filler.gaps(symbol, self.timeframe, (start, end), self._again)
        return walks(symbol, self.timeframe, gaps, settle=self._filler.settle)

    async def _do(self, piece: TaskRun, lane: WalkState) -> None:
        self._at_work.append((piece, lane))
        try:
            await walk_one(self._filler.lake, self._filler.transport, lane, self.run)
        except LakeError:
            raise
        except MarketkitError as failure:
            piece.failure = failure
            piece.stop()
        finally:
            self._at_work.remove((piece, lane))
            piece.walks.remove(lane.walk)
        if not piece.walks:
            await self._settle(piece)
            self._changed.set()

    async def _settle(self, piece: TaskRun) -> None:
        """Say in the ledger what became of a piece."""
        failure, claim = piece.failure, piece.claim
        if failure is None:
            await self._finish(piece)
        elif await self._is_away(claim.task.symbol, failure):
            await self._ask(self._ledger.give_back, self._me, claim, piece.done)
            self._drop(piece)
            await self._outage.wait(failure)
        elif (
            isinstance(failure, UnknownSymbol | Refused | Offline)
            or claim.attempts + 1 >= _ATTEMPTS
        ):
            self.run.failures[claim.task.symbol] = failure
            await self._ask(self._ledger.fail, self._me, claim, piece.done, failure)
        else:
            delay = 2.0**claim.attempts
            await self._ask(self._ledger.put_off, self._me, claim, piece.done, failure, delay)
        self._drop(piece)

    async def _is_away(self, symbol: str, failure: MarketkitError) -> bool:
        """Say whether the exchange is away, rather than one symbol that fails: ask of another."""
        if not self._outage.is_one(failure, self.run.answered_at):
            return False
        other = next((name for name in self._markets if name != symbol), None)
        if other is None:
            return True
        transport = self._filler.transport
        request = candle_request(other, self.timeframe, transport.now(), 1)
        try:
            await transport.send(request, self.run.priority)
        except MarketkitError:
            return True
        self.run.answered_at = time.monotonic()
        return False

    async def _finish(self, piece: TaskRun) -> None:
        task = piece.claim.task
        await self._ask(self._ledger.finish, self._me, piece.claim, piece.done)
        moment = self.lake.nothing_before(task.symbol, self.timeframe)
        if moment is not None and task.start < moment:
            await self._ask(self._ledger.settle_before, self._me.job, task.symbol, moment)
        self._drop(piece)

    def _drop(self, piece: TaskRun) -> None:
        if piece in self._pieces:
            self._pieces.remove(piece)

    async def _pulse(self) -> None:
        """Beat: keep the leases, tell how far it is, hear what others wish."""
        due, progress = 0.0, self.run.reporter.progress
        while True:
            self._outage.over(self.run.answered_at)
            at_work = [(piece.claim, piece.done) for piece in self._pieces]
            began = time.monotonic()
            beat = partial(self._ledger.beat, count=began >= due)
            heard = await self._ask(beat, self._me, at_work, progress.note)
            if heard.totals is not None:
                # Where counting takes long it is done seldom: pages are counted in between.
                due = began + 100 * (time.monotonic() - began)
                if not progress.total:
                    progress.begun = heard.totals.done
                progress.total, progress.done = heard.totals.slots, heard.totals.done
            for piece in self._pieces:
                if piece.claim.task in heard.lost:
                    piece.stop()
            self._hear(heard.wish)
            self.run.reporter.update()
            await asyncio.sleep(_BEAT)

    def _hear(self, wish: str | None) -> None:
        if wish == "cancel":
            raise Cancelled
        if wish == "pause":
            self.run.pause()
        elif not self.run.going.is_set():
            self.run.go_on()

    async def _ask(self, question: Callable[..., T], *values: object) -> T:
        return await asyncio.to_thread(question, *values)


class Cancelled(Exception):
    """Somebody wished in the ledger that the job ends."""
