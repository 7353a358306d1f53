"""Queues of the consumers of streams, each read at a different pace and all bounded."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import inspect
import logging
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, Self, TypeVar

from marketkit.errors import EngineClosed, FeedOverflow, InputError
from marketkit.net.engine import engine

BUFFER = 100_000  # events that wait for one consumer: minutes of a busy market


class Queue:
    """Events that wait for one consumer: the newest state of each symbol, or all in order.

    Events beyond `limit` are lost: the consumer gets those before, then `FeedOverflow`, then those
    after. Use it on the engine's loop; only its beginning may be elsewhere.
    """

    def __init__(self, *, coalesces: bool = False, limit: int = BUFFER) -> None:
        self._coalesces = coalesces
        self._limit = limit
        self._states: dict[str, Any] = {}
        self._events: list[Any] = []
        self._lost = 0
        self._ready = asyncio.Event()
        self._closed = False
        self._failure: Exception | None = None
        self._word: Exception | None = None  # why nothing comes, for who waits right now

    def put(self, event: Any) -> bool:
        """Take an event, which has a `symbol`; say whether there was room."""
        if self._coalesces:
            self._states[event.symbol] = event
        elif len(self._events) < self._limit and not self._lost:
            self._events.append(event)
        else:
            self._lost += 1
            return False
        self._ready.set()
        return True

    def begin_with(self, states: Iterable[Any]) -> None:
        """Let states wait that were known before, unless newer ones have come already."""
        for state in states:
            self._states.setdefault(state.symbol, state)
            self._ready.set()

    def close(self, failure: Exception | None = None) -> None:
        """End the queue: waiting events can still be taken, and then `failure` is raised once."""
        self._closed = True
        self._failure = failure
        self._ready.set()

    def fail(self, why: Exception) -> None:
        """Have who waits right now raise `why`; the queue goes on."""
        self._word = why
        self._ready.set()

    def __len__(self) -> int:
        return len(self._states) + len(self._events)

    async def take(self) -> list[Any] | None:
        """Wait for events and give all there are; None at the end. Raises `FeedOverflow`."""
        while True:
            if self._states or self._events:
                taken = [*self._states.values(), *self._events]
                self._states, self._events = {}, []
                return taken
            if self._lost:
                lost, self._lost = self._lost, 0
                raise FeedOverflow(lost)
            if self._closed:
                failure, self._failure = self._failure, None
                if failure is not None:
                    raise failure
                return None
            self._ready.clear()
            self._word = None
            await self._ready.wait()
            if self._word is not None and not len(self):
                raise self._word


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
        return max(map(len, self._queues), default=0)

    def put(self, event: Any) -> None:
        """Pass an event on."""
        self.events += 1
        for queue in self._queues:
            if not queue.put(event):
                self.lost += 1

    def fail(self, why: Exception) -> None:
        """Have every consumer who waits right now raise `why`, and go on."""
        for queue in self._queues:
            queue.fail(why)

    def open(self, queue: Queue) -> Queue:
        """Have `queue` told of events from now on."""
        with self._lock:
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


_log = logging.getLogger("marketkit.realtime")


class Consumer(Generic[F]):
    """One consumer: an iterator of frames, for `for` and for `async for`.

    It keeps `source` alive, whose events it reads from now on.
    """

    def __init__(
        self,
        source: object,
        broadcast: Broadcast,
        queue: Queue,
        framed: Callable[[list[Any]], F],
    ) -> None:
        self._source = source
        self._queue = broadcast.open(queue)
        self._framed = framed
        weakref.finalize(self, soon, broadcast.leave, queue).atexit = False

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> F:
        if (events := engine().run(self._queue.take())) is None:
            raise StopIteration
        return self._framed(events)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> F:
        if (events := await engine().arun(self._queue.take())) is None:
            raise StopAsyncIteration
        return self._framed(events)


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


def call_back(
    callback: Callable[[F], object],
    broadcast: Broadcast,
    queue: Queue,
    framed: Callable[[list[Any]], F],
    errors: deque[Exception],
) -> concurrent.futures.Future[None]:
    """Have `callback` called with frames of events, one at a time, in a thread, until the end.

    What it raises is logged and put into `errors`. Raises `InputError` for a coroutine function.
    """
    if inspect.iscoroutinefunction(callback):
        raise InputError("a callback is no coroutine function: use `async for` instead")

    broadcast.open(queue)

    async def serve() -> None:
        while True:
            try:
                if (events := await queue.take()) is None:
                    return
                await asyncio.to_thread(lambda: callback(framed(events)))
            except FeedOverflow as overflow:
                _log.warning("a callback is too slow: %s", overflow)
                errors.append(overflow)
            except Exception as error:  # noqa: BLE001 - whatever a caller's code raises
                _log.exception("a callback failed; its feed goes on")
                errors.append(error)

    return engine().submit(serve())


def soon(work: Callable[..., None], *arguments: object) -> None:
    """Have `work` done on the engine's loop, if that is still there; callable from a finalizer."""

    async def call() -> None:
        work(*arguments)

    with contextlib.suppress(EngineClosed, RuntimeError):
        engine().submit(call())
