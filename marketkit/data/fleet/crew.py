"""The tasks of a job done by the workers of somebody else's executor.

The ledger shares the tasks with all processes of this machine, as ever; each task goes out as a
unit. Of units that nobody has begun there are as many again as the executor takes at once.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import Executor as Pool
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from marketkit.coverage import Spans
from marketkit.data.fetch.walks import WalkState
from marketkit.data.fleet import leases
from marketkit.data.fleet.lull import Lull
from marketkit.data.fleet.unit import Filled, Site, Terms, Unit, fill, mark_of
from marketkit.data.jobs.executor import Executor, TaskRun
from marketkit.data.jobs.processes import Worker
from marketkit.data.jobs.tasks import Lease
from marketkit.data.lake.format.objects import Objects
from marketkit.errors import Banned, LakeError, MarketkitError
from marketkit.exchange.upbit.proof import CandleRange
from marketkit.net.parcels import failure_of, pack, send

_FEW, _MANY = 8, 1024  # units under way: at first, and at most, which is a thousand threads
_IDLE = 1.0  # seconds that a unit may wait for a worker, before there are enough of them
_MARKED = 3600.0  # seconds between four renewals of the mark of a run
_BUSY = 1.0  # seconds between two looks at a task that another worker holds


class Crew(Executor):
    """Works at a job through an executor of workers, each with a site of its own.

    `pool` is any `concurrent.futures.Executor`, `site` what makes the transport and the lake over
    there. A lease of a worker `lasts` so many seconds after it was heard of.
    """

    _terms: Terms

    def __init__(
        self, *arguments: Any, pool: Pool, site: Site, lasts: float = leases.LASTS, **more: Any
    ) -> None:
        super().__init__(*arguments, **more)
        self._pool = pool
        self._site = site
        self._lasts = lasts
        self._units = _FEW
        self._lull = Lull(self.lake.objects, self.run)

    async def work(self, me: Worker) -> None:
        """Do tasks until none of the job is left; as the executor's of this process."""
        try:
            async with _marked(self.lake.objects) as mark:
                self._terms = Terms(
                    *(self.timeframe.name, self._again, self._recheck),
                    *(self.run.priority, mark, self._lasts),
                )
                async with _beside(self._lull.watch()):
                    await super().work(me)
        except _EndsAll as end:
            raise end.failure from end.failure.__cause__

    @property
    def _most(self) -> int:
        return self._units

    def _share(self) -> None:
        """Share no walk: a task is done by one worker."""

    def _walks(self, lease: Lease) -> list[CandleRange]:
        """Give one walk for all that a task lacks: the worker makes its own of it."""
        walks = super()._walks(lease)
        if walks:
            walks = [CandleRange(walks[0].symbol, self.timeframe, walks[-1].start, walks[0].end)]
        return walks

    async def _do(self, task_run: TaskRun, walk_state: WalkState) -> None:
        """Send a task, as often as it takes until nobody else holds it, and count the work."""
        while walk_state.walk.start < walk_state.walk.end:  # nobody has taken the lease away
            filled = await self._sent(task_run.lease)
            self._count(task_run, filled)
            if filled.failure is not None:
                raise filled.failure
            if not filled.busy:
                return
            await asyncio.sleep(_BUSY)
            if not await self._is_lacking(task_run.lease):
                return

    async def _is_lacking(self, lease: Lease) -> bool:
        """Look whether anything of a task is missing still."""
        try:
            return bool(await asyncio.to_thread(self._walks, lease))
        except LakeError as failure:
            if self.lake.is_away(failure):
                raise _EndsAll(failure) from failure
            raise

    async def _sent(self, lease: Lease) -> Filled:
        """Have a unit done. Raises `_EndsAll` for what is no failure of one symbol."""
        await self.run.going.wait()
        began = time.monotonic()
        try:
            skip = self._skip.get(lease.task.symbol, Spans())
            parcel = pack(fill, self._site, Unit(self._terms, lease.task, skip))
            future, (symbol, block, *_) = send(self._pool, parcel), lease.task
            key = leases.key_of(self.lake.source, self.timeframe, symbol, block)
            with self._lull.waiting(key, future):
                filled: Filled = await asyncio.wrap_future(future)
        except asyncio.CancelledError as error:
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise
            raise _EndsAll(failure_of(error)) from error
        except Exception as error:
            raise _EndsAll(failure_of(error)) from error
        if time.monotonic() - began - filled.seconds < _IDLE:
            self._units = min(_MANY, 2 * self._units)  # the executor had room
        return filled

    def _count(self, task_run: TaskRun, filled: Filled) -> None:
        """Add the work of a unit to that of the task and of the run."""
        run, count, work = self.run, task_run.count, filled.work
        count.slots += work.slots
        count.requests += work.requests
        count.rows += work.rows
        run.requests += work.requests
        run.rows += work.rows
        run.revisions += filled.revisions
        run.at = max(run.at, filled.at)
        run.reporter.progress.requests += work.requests
        run.reporter.progress.rows += work.rows
        if work.requests:
            run.answered_at = time.monotonic()

    async def _is_away(self, symbol: str, failure: MarketkitError) -> bool:
        """Wait for a worker that is banned: to ask from here would tell nothing of its address."""
        return isinstance(failure, Banned) or await super()._is_away(symbol, failure)


class _EndsAll(Exception):
    """A failure that every other unit would have, too: of the executor, a version, the lake."""

    def __init__(self, failure: BaseException) -> None:
        super().__init__(str(failure))
        self.failure = failure


def crew(pool: Pool, site: Site, lasts: float = leases.LASTS) -> Callable[..., Executor]:
    """Make what a backfill makes its executor of: a crew of the workers of a pool."""
    return partial(Crew, pool=pool, site=site, lasts=lasts)


@asynccontextmanager
async def _beside(watch: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Watch while a block goes on."""
    watching = asyncio.create_task(watch)
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.wait((watching,))


@asynccontextmanager
async def _marked(objects: Objects) -> AsyncIterator[str]:
    """Say in the lake that a run goes on, for workers to know the lake by; give the key.

    What runs left that were killed long ago goes first.
    """
    await asyncio.to_thread(leases.Leases(objects).sweep, leases.RUNS)
    mark = leases.Lease(objects, mark_of(secrets.token_hex(6)), _MARKED)
    await asyncio.to_thread(mark.write, None)
    async with leases.kept(mark, lambda: None):  # of a lost one the workers tell
        yield mark.key
