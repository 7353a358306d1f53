"""Candles in the order of time, chunk by chunk, while a job still fetches the later ones."""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any, Generic, NoReturn, Self, TypeVar

import polars as pl

from marketkit.coverage import Span
from marketkit.data.fetch.gaps import GapFiller
from marketkit.data.jobs.job import Job
from marketkit.data.lake.read.fill import closed
from marketkit.errors import EngineClosed, NotPicklable
from marketkit.frames import Precision
from marketkit.net.engine import engine
from marketkit.timeframe import Timeframe

F = TypeVar("F")

_LOOK = 0.1  # seconds between two looks whether the next chunk is there


class Chunks(Generic[F]):
    """Frames one after another, for `for` and for `async for`; each loop begins anew."""

    def __init__(self, begin: Callable[[], AsyncGenerator[F, None]]) -> None:
        self._begin = begin

    def __iter__(self) -> ChunkReader[F]:
        return ChunkReader(self._begin())

    def __aiter__(self) -> ChunkReader[F]:
        return ChunkReader(self._begin())


class ChunkReader(Generic[F]):
    """The frames of one loop, which ends with this object.

    A read that is cancelled, timed out or interrupted takes nothing: the next one has the same
    frame.
    """

    def __init__(self, chunks: AsyncGenerator[F, None]) -> None:
        self._walk = _Walk(chunks)
        self._given = 0
        self._leave = weakref.finalize(self, _leave, self._walk)
        self._leave.atexit = False

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> F:
        while True:
            number = self._given
            try:
                chunk = engine().run(self._walk.fetch(number))
            except Exception:
                self._given = number + 1
                raise
            if chunk is None:
                raise StopIteration
            # One store before the return: no interrupt and no other thread comes between.
            if self._given == number:
                self._given = number + 1
                return chunk

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> F:
        while True:
            number = self._given
            try:
                chunk = await engine().arun(self._walk.fetch(number))
            except Exception:
                self._given = number + 1
                raise
            if chunk is None:
                raise StopAsyncIteration
            if self._given == number:
                self._given = number + 1
                return chunk

    def close(self) -> None:
        """Leave the backfill behind, as the end of the loop does."""
        self._leave()

    async def aclose(self) -> None:
        """Leave the backfill behind; the async twin of `close`."""
        await engine().arun(self._walk.close())

    def __reduce__(self) -> NoReturn:
        raise NotPicklable(type(self).__name__)


class _Walk(Generic[F]):
    """A generator on the engine's loop; a chunk is kept until the one after is asked for."""

    def __init__(self, chunks: AsyncGenerator[F, None]) -> None:
        self._chunks = chunks
        self._number = -1
        self._task: asyncio.Task[F | None] | None = None

    async def fetch(self, number: int) -> F | None:
        """Give a chunk by number, the last one again or the next; None at the end."""
        if self._task is None or self._number != number:
            self._number = number
            self._task = asyncio.get_running_loop().create_task(_following(self._chunks))
        return await asyncio.shield(self._task)

    async def close(self) -> None:
        """End the generator at any point of its work."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))
        await self._chunks.aclose()


def _leave(walk: _Walk[Any]) -> None:
    """Close the generator of a loop that was left, without holding up an event loop."""
    close = walk.close()
    with contextlib.suppress(EngineClosed):
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            engine().run(close)
        else:
            engine().submit(close)


async def chunks(
    filler: GapFiller,
    names: Sequence[str],
    timeframe: Timeframe,
    span: Span,
    *,
    job: Job,
    slots: int,
    precision: Precision = "float",
) -> AsyncGenerator[pl.DataFrame, None]:
    """Give the candles of `span`, `slots` of all symbols at a time, as a job fetches the slots.

    Leaves the job when nobody wants more.
    """
    start = timeframe.ceil(span.start)
    try:
        while start < span.end:
            end = min(timeframe.shift(start, slots), span.end)
            await _filled(filler, names, timeframe, Span(start, end), job)
            frame = await asyncio.to_thread(
                filler.lake.read, names, timeframe, start, end, precision=precision
            )
            if frame.height:
                yield closed(frame)
            listed = await asyncio.to_thread(_listed, filler, names, timeframe)
            # By whole chunks: the tasks of the job are cut where these begin.
            start = timeframe.shift(end, timeframe.count(end, listed) // slots * slots)
    finally:
        job.leave()


async def _filled(
    filler: GapFiller, names: Sequence[str], timeframe: Timeframe, span: Span, job: Job
) -> None:
    """Wait until the lake knows a span. Raises the job's failure if that will never be."""

    def lacks() -> bool:
        return any(filler.lake.missing(name, timeframe, *span) for name in names)

    while await asyncio.to_thread(lacks):
        if job.done and await asyncio.to_thread(lacks):  # not in between the two looks
            await job
            for failure in job.errors.values():
                raise failure
            return
        await asyncio.sleep(_LOOK)


def _listed(filler: GapFiller, names: Sequence[str], timeframe: Timeframe) -> int:
    """Give the moment before which none of the symbols was listed, as far as that is known."""
    moments = [filler.lake.nothing_before(name, timeframe) or 0 for name in names]
    return timeframe.ceil(min(moments))


async def _following(chunks: AsyncGenerator[F, None]) -> F | None:
    with contextlib.suppress(StopAsyncIteration):
        return await anext(chunks)
    return None
