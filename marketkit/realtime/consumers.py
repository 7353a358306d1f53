"""Consumers of streams, each read at a different pace, in any thread or on any event loop."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any, Generic, NoReturn, Self, TypeVar

import polars as pl

from marketkit.clock import age_clock
from marketkit.errors import EngineClosed, InputError, NotPicklable, TimedOut
from marketkit.net.engine import engine
from marketkit.realtime.queue import Batch, Queue

# A panic of polars is no `Exception`.
_NO_FRAME = (Exception, pl.exceptions.PanicException)


class Broadcast:
    """Passes events on, on the engine's loop, to any number of consumers anywhere."""

    def __init__(self) -> None:
        self.events = 0
        self.lost = 0
        self._queues: tuple[Queue, ...] = ()
        self._closed = False
        self._failure: Exception | None = None
        self._lock = threading.Lock()

    @property
    def consumers(self) -> int:
        """How many there are."""
        return len(self._queues)

    @property
    def backlog(self) -> int:
        """How many events wait for the slowest consumer."""
        return max((len(queue) for queue in self._queues if not queue.idle), default=0)

    def put(self, event: Any) -> None:
        """Pass an event on."""
        with self._lock:
            self.events += 1
            for queue in self._queues:
                if not queue.put(event) and not queue.idle:
                    self.lost += 1

    def fail(self, why: Exception) -> None:
        """Raise `why` in every consumer at rest right now, and go on."""
        for queue in self._queues:
            queue.fail(why)

    def open(self, queue: Queue, like: Queue | None = None) -> Queue:
        """Have `queue` told of events from now on, or from where the queue `like` is read to."""
        with self._lock:
            if like is not None:
                queue.begin_like(like)
            self._queues = (*self._queues, queue)
            if self._closed:
                queue.close(self._failure)
        return queue

    def leave(self, queue: Queue) -> None:
        """Tell `queue` nothing any more."""
        with self._lock:
            self._queues = tuple(each for each in self._queues if each is not queue)

    def close(self, failure: Exception | None = None) -> None:
        """End every queue, once; `failure` is why, if nobody wished the end."""
        with self._lock:
            if self._closed:
                return
            self._closed, self._failure = True, failure
            for queue in self._queues:
                queue.close(failure)


F = TypeVar("F")  # the type of frames


class Consumer(Generic[F]):
    """One consumer: an iterator of frames, for `for` and for `async for`.

    A read that is cancelled, timed out or interrupted takes nothing: the next one has the same
    events. It keeps `source` alive, whose events it reads from now on.
    """

    def __init__(
        self,
        source: object,
        broadcast: Broadcast,
        queue: Queue,
        framed: Callable[[list[Any]], F],
        *,
        like: Queue | None = None,
    ) -> None:
        self._source = source
        self._queue = broadcast.open(queue, like)
        self._framed = framed
        weakref.finalize(self, soon, broadcast.leave, queue).atexit = False

    def next(self, timeout: float | None = None) -> F:
        """Wait for the next frame, at most `timeout` seconds (then `TimedOut`).

        Raises `StopIteration` at the end, and `FeedOverflow` in the place of lost events.
        """
        return self.read(timeout, self._source)

    def read(self, timeout: float | None, source: object) -> F:
        """Wait for the next frame, as `next` does; `source` is what a `TimedOut` names."""
        engine().check()
        ends = None if timeout is None else age_clock() + _milliseconds(timeout)
        self._queue.idle = False
        while True:
            while (batch := self._queue.look()) is None:
                left = 1.0 if ends is None else (ends - age_clock()) / 1000
                if left <= 0:
                    raise TimedOut(
                        f"nothing came within {timeout:g}s from {source!r};"
                        " wait longer, or look at its interruptions"
                    )
                self._queue.wait(left)
            if not batch.events:
                raise StopIteration
            frame = self._frame(batch)
            if self._queue.give(batch):
                return frame

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> F:
        return self.read(None, None)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> F:
        self._queue.idle = False
        while True:
            batch = await self._queue.coming()
            if not batch.events:
                raise StopAsyncIteration
            frame = self._frame(batch)
            if self._queue.give(batch):
                return frame

    def __reduce__(self) -> NoReturn:
        raise NotPicklable(type(self).__name__)

    def _frame(self, batch: Batch) -> F:
        try:
            return self._framed(batch.events)
        except _NO_FRAME as failure:
            frame = self._once_more(batch)
            if threading.current_thread() is threading.main_thread():
                # Ctrl-C in the midst of polars comes out as an error that polars makes of it.
                raise KeyboardInterrupt from failure
            return frame

    def _once_more(self, batch: Batch) -> F:
        try:
            return self._framed(batch.events)
        except _NO_FRAME:
            self._queue.give(batch)  # events that make no frame must not hold up those after
            raise


@contextlib.contextmanager
def pauses(broadcast: Broadcast) -> Iterator[Callable[[float], bool]]:
    """Let a thread wait some seconds beside events, and say whether more come."""
    queue = broadcast.open(Queue(coalesces=True))

    async def wait(seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while await queue.take() is not None:
                    pass
                return False
        return True

    try:
        yield lambda seconds: engine().run(wait(seconds))
    finally:
        broadcast.leave(queue)


def soon(work: Callable[..., None], *arguments: object) -> None:
    """Have `work` done on the engine's loop, if that is still there; callable from a finalizer."""

    async def call() -> None:
        work(*arguments)

    with contextlib.suppress(EngineClosed, RuntimeError):
        engine().submit(call())


def _milliseconds(timeout: float) -> float:
    if not timeout >= 0:
        raise InputError(f"timeout={timeout!r}: give seconds, or None to wait without an end")
    return timeout * 1000
