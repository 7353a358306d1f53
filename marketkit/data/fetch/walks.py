"""Run walks side by side and put the proved slots into the lake."""

from __future__ import annotations

import asyncio
import errno
import functools
import math
import os
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import polars as pl

from marketkit.coverage import Spans
from marketkit.data.fetch.plan import split
from marketkit.data.lake.lake import Lake
from marketkit.data.lake.store.write import Written
from marketkit.errors import MarketkitError, NotWritable, without_frames
from marketkit.exchange.dialect import Page, Priority, Request, Response
from marketkit.exchange.upbit.paging import walk_candles
from marketkit.exchange.upbit.proof import CandleRange, times_of
from marketkit.net.handle import Interruption
from marketkit.net.transport import Transport
from marketkit.net.walk import Pages
from marketkit.progress import Reporter

FLUSH_PAGES = 10  # pages written together: a second of work that a kill may cost
FLUSH_AFTER = (
    15.0  # seconds after which pages go into a bucket, where each write puts a whole object
)
# A disk that is full, broken or may only be read, and a process without descriptors, hit every
# series; None is our own word for a lake that takes no writes.
_OF_ALL = {
    None,
    *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO),
    *(errno.EMFILE, errno.ENFILE, errno.ENOMEM),
}


def _set() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


@dataclass(slots=True)
class FetchRun:
    """One run over one or several calls of `walk_all`: urgency, watcher and yield.

    `requests` were answered, `rows` are new or changed in the lake, `revisions` are numbers of it
    that the exchange took back; `young` has, per symbol, the rows that are not final yet (unsettled
    or forming); `at` is the latest moment of the exchange's clock that an answer carried;
    `failures` are the symbols that failed, `interruptions` the times it waited for an exchange that
    was away. While `going` is not set, nothing is sent;
    `answered_at` is when the last answer came, on the machine's monotonic clock;
    `ending` is the state of the job if it is cancelled.
    """

    priority: Priority
    reporter: Reporter
    requests: int = 0
    rows: int = 0
    revisions: int = 0
    at: int = 0
    young: dict[str, list[pl.DataFrame]] = field(default_factory=dict)
    reached: dict[str, int] = field(default_factory=dict)
    failures: dict[str, MarketkitError] = field(default_factory=dict)
    interruptions: list[Interruption] = field(default_factory=list)
    going: asyncio.Event = field(default_factory=_set)
    answered_at: float = -math.inf
    ending: str = "stopped"

    def pause(self) -> None:
        """Send nothing more until `go_on`."""
        self.going.clear()
        self.reporter.progress.state = "paused"
        self.reporter.update()

    def go_on(self) -> None:
        """Take a pause back; on the engine's loop."""
        self.going.set()
        self.reporter.progress.state = "running"
        self.reporter.update()

    def say(self, note: str) -> None:
        """Show the reason for waiting; "" for none."""
        self.reporter.progress.note = note
        self.reporter.update()

    @property
    def asked(self) -> set[str]:
        """The symbols that the exchange gave rows of."""
        return {*self.reached, *self.young}

    def planned(self, walks: Sequence[CandleRange]) -> None:
        """Add the slots of a plan to the work there is."""
        self.reporter.progress.total += sum(
            walk.timeframe.count(walk.start, walk.end) for walk in walks
        )

    def answered(self, walk: CandleRange, page: Page, young: pl.DataFrame, at: int) -> int:
        """Count an answer, keep the young rows and show how far the run has come.

        Gives how many slots of the walk it settles.
        """
        self.requests += 1
        self.answered_at = time.monotonic()
        self.at = max(self.at, at)
        if young.height:
            self.young.setdefault(walk.symbol, []).append(young)
        if page.rows.height:
            oldest = times_of(page.rows[:1])[0]
            self.reached[walk.symbol] = min(oldest, self.reached.get(walk.symbol, oldest))
        # An empty page settles everything that is older.
        settled = page.proved | Spans([(walk.start, page.nothing_before or walk.start)])
        progress = self.reporter.progress
        progress.requests += 1
        progress.rows += page.rows.height
        slots = walk.timeframe.count_all(settled.clip(walk.start, walk.end))
        progress.done += slots
        self.reporter.update()
        return slots


@dataclass(slots=True)
class Count:
    """The yield of walks so far: slots settled, requests answered, rows written."""

    slots: int = 0
    requests: int = 0
    rows: int = 0


@dataclass(slots=True)
class WalkState:
    """A walk at work, how far down the walk has come, and the count of the work."""

    walk: CandleRange
    to: int
    count: Count = field(default_factory=Count)


async def walk_all(
    lake: Lake,
    transport: Transport,
    walks: Sequence[CandleRange],
    run: FetchRun,
    *,
    side_by_side: int,
) -> None:
    """Close the gaps that `walks` stand for, `side_by_side` at a time, and add to `run`.

    When no walk is left to begin, the longest at work is shared. A symbol whose walk fails is
    reported in `failures`; the others go on, also where the files of that series are at fault.
    Trouble with the lake itself stops everything. On cancellation the pages in hand are written
    before the call ends.
    """
    waiting, at_work = deque(walks), list[WalkState]()
    run.planned(walks)

    async def work() -> None:
        while (walk := waiting.popleft() if waiting else share(at_work)) is not None:
            if walk.symbol in run.failures:
                continue
            state = WalkState(walk, walk.end)
            at_work.append(state)
            try:
                await walk_one(lake, transport, state, run)
            except MarketkitError as failure:
                if stops_all(failure):
                    raise
                run.failures[walk.symbol] = without_frames(failure)  # others go on for a while
            finally:
                at_work.remove(state)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(side_by_side, len(waiting))):
                group.create_task(work())
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None


def stops_all(failure: MarketkitError) -> bool:
    """Tell a failure of the lake or its disk from a failure of a single series."""
    if not isinstance(failure, NotWritable):
        return False
    cause = failure.__cause__
    return not isinstance(cause, OSError) or cause.errno in _OF_ALL


def share(at_work: Sequence[WalkState]) -> CandleRange | None:
    """Take half of the walk that has the farthest to go, if that is far enough."""
    farthest = max(at_work, key=lambda state: state.to - state.walk.start, default=None)
    return split(farthest.walk, farthest.to) if farthest is not None else None


async def walk_one(lake: Lake, transport: Transport, state: WalkState, run: FetchRun) -> None:
    """Go one walk to the end; however the walk ends, the pages in hand are written."""
    walk, count = state.walk, state.count

    def landed(written: Written) -> None:
        count.rows += written.rows
        run.rows += written.rows
        run.revisions += written.revisions

    buffer = Buffer(lake, walk, landed)

    async def send(request: Request) -> Response:
        if not run.going.is_set():
            await buffer.flush()  # a pause may be long
            await run.going.wait()
        return await transport.send(request, run.priority)

    try:
        async for page, response, _ in Pages(walk_candles(walk), send):
            final, young = _split(page)
            state.to = min([state.to, *(span.start for span in page.proved)])
            count.slots += run.answered(walk, page, young, response.at)
            count.requests += 1
            await buffer.add(final, response.at)
            if state.to <= walk.start:  # which rose if the walk was shared meanwhile
                break
    finally:
        await buffer.flush()


class Buffer:
    """Pages of one walk on their way to the lake, written by tens beside the next requests.

    Into a bucket they are written when the walk ends, or once they have waited for long.

    Coverage is claimed together with its rows, so pages lost with the process are only asked again.
    `landed` is told what each write changed in the lake.
    """

    def __init__(self, lake: Lake, walk: CandleRange, landed: Callable[[Written], None]) -> None:
        self._lake = lake
        self._walk = walk
        self._landed = landed
        self._pages: list[Page] = []
        self._at = 0
        self._since = 0.0  # when the first of the pages came, on the machine's monotonic clock
        self._writing: asyncio.Task[None] | None = None

    async def add(self, page: Page, at: int) -> None:
        """Take a page answered at `at`; every tenth starts a write that nobody waits for."""
        if not self._pages:
            self._since = time.monotonic()
        self._pages.append(page)
        self._at = at
        if self._is_due:
            await self._settle()
            self._writing = asyncio.create_task(self._write())

    @property
    def _is_due(self) -> bool:
        if self._lake.url is None:
            return len(self._pages) >= FLUSH_PAGES
        return time.monotonic() - self._since >= FLUSH_AFTER

    async def flush(self) -> None:
        """Write the pages in hand."""
        await self._settle()
        await self._write()

    async def _settle(self) -> None:
        if self._writing is not None:
            await self._writing
            self._writing = None

    async def _write(self) -> None:
        pages, self._pages = self._pages, []
        if not pages:
            return
        end = pages[-1]  # only the last page of a walk says that there is nothing before
        covering = Spans([span for each in pages for span in each.proved])
        if not covering and end.nothing_before is None:
            return
        # By time; of a candle that two of them hold the lake takes the one that was answered first.
        rows = pl.concat([each.rows for each in reversed(pages)])
        walk, at = self._walk, self._at
        written = await asyncio.get_running_loop().run_in_executor(
            _writer(os.getpid()),
            lambda: self._lake.append(
                walk.symbol,
                walk.timeframe,
                rows,
                covering,
                nothing_before=end.nothing_before,
                rests_on=end.rests_on,
                seen_at=at,
            ),
        )
        self._landed(written)


@functools.cache
def _writer(_process: int) -> ThreadPoolExecutor:
    """Give a process the one thread that writes: a second would only add memory."""
    return ThreadPoolExecutor(1, thread_name_prefix="marketkit-lake")


def _split(page: Page) -> tuple[Page, pl.DataFrame]:
    """Part a page into proved rows and rows too young for the lake."""
    hull = page.proved.hull
    final = bisect_left(times_of(page.rows), hull.end if hull is not None else 0)
    return replace(page, rows=page.rows[:final]), page.rows[final:]
