"""Candles in the order of time, chunk by chunk, while a job still fetches the later ones."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from typing import Generic, TypeVar

import polars as pl

from marketkit.coverage import Span
from marketkit.data.fetch.gaps import GapFiller
from marketkit.data.jobs.job import Job
from marketkit.data.lake.read.fill import closed
from marketkit.net.engine import engine
from marketkit.timeframe import Timeframe

F = TypeVar("F")

_LOOK = 0.1  # seconds between two looks whether the next chunk is there


class Chunks(Generic[F]):
    """Frames one after another, for `for` and for `async for`; each loop begins anew."""

    def __init__(self, begin: Callable[[], AsyncGenerator[F, None]]) -> None:
        self._begin = begin

    def __iter__(self) -> Iterator[F]:
        chunks = self._begin()
        try:
            while (chunk := engine().run(_following(chunks))) is not None:
                yield chunk
        finally:
            engine().run(chunks.aclose())

    async def __aiter__(self) -> AsyncIterator[F]:
        chunks = self._begin()
        try:
            while (chunk := await engine().arun(_following(chunks))) is not None:
                yield chunk
        finally:
            await engine().arun(chunks.aclose())


async def chunks(
    filler: GapFiller,
    names: Sequence[str],
    timeframe: Timeframe,
    span: Span,
    *,
    job: Job,
    slots: int,
) -> AsyncGenerator[pl.DataFrame, None]:
    """Give the candles of `span`, `slots` of all symbols at a time, as a job fetches the slots.

    Leaves the job when nobody wants more.
    """
    start = timeframe.ceil(span.start)
    try:
        while start < span.end:
            end = min(timeframe.shift(start, slots), span.end)
            await _filled(filler, names, timeframe, Span(start, end), job)
            frame = await asyncio.to_thread(filler.lake.read, names, timeframe, start, end)
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
