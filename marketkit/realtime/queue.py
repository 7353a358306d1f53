"""The queue of one consumer: bounded, and read in any thread without a loss.

An event leaves when the frame made of it is on its way to the caller, not before. Whoever is
cancelled, timed out or interrupted meanwhile finds the same events at the next attempt, in order.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from marketkit.errors import EngineClosed, FeedOverflow
from marketkit.net.engine import asyncio_loop, engine

BUFFER = 100_000  # events that wait for one consumer: minutes of a busy market
# Seconds between two looks of a waiting consumer: Windows cannot interrupt an endless wait, and
# ipykernel's interrupt does not wake a sleeping loop (ipykernel#881).
_TICK = 0.25


class Batch(NamedTuple):
    """Events at rest, with numbers above `since` and up to `until`; none at the end."""

    events: list[Any]
    since: int
    until: int


class Queue:
    """Events that wait for one consumer: the newest state of each symbol, or all in order.

    Events beyond `limit` are lost: the consumer gets those before, then `FeedOverflow`, then those
    after. `idle` is one that nobody reads for the time being: no tape waits for that.
    """

    def __init__(self, *, coalesces: bool = False, limit: int = BUFFER) -> None:
        self.idle = False
        self._coalesces = coalesces
        self._limit = limit
        self._lock = threading.Lock()
        self._states: dict[str, tuple[int, Any]] = {}
        self._events: list[Any] = []  # those with the numbers after `_swept`
        self._swept = 0
        self._count = 0
        self._given = 0  # the number of the newest event that a caller has
        self._lost = 0
        self._closed = False
        self._failure: Exception | None = None
        self._word: Exception | None = None  # why nothing comes, for who waits
        self._wakers: list[Callable[[], None]] = []

    def put(self, event: Any) -> bool:
        """Take an event, which has a `symbol`; say whether there was room."""
        with self._lock:
            self._sweep()
            if self._coalesces:
                self._count += 1
                self._states[event.symbol] = self._count, event
            elif len(self._events) < self._limit and not self._lost:
                self._count += 1
                self._events.append(event)
            else:
                self._lost += 1
                return False
            self._wake()
        return True

    def begin_with(self, states: Iterable[Any]) -> None:
        """Let states wait that were known before, unless newer ones have come already."""
        with self._lock:
            for state in states:
                if state.symbol not in self._states:
                    self._count += 1
                    self._states[state.symbol] = self._count, state
            self._wake()

    def begin_like(self, other: Queue) -> None:
        """Begin with the events of another consumer, idle from now on."""
        with other._lock, self._lock:  # the other is older, always
            other._sweep()
            self._states, self._events = dict(other._states), list(other._events)
            self._swept = self._given = other._swept
            self._count, self._lost = other._count, other._lost
            other.idle = True
            self._wake()

    def close(self, failure: Exception | None = None) -> None:
        """End the queue: waiting events can still be taken, and then `failure` is raised once."""
        with self._lock:
            self._closed = True
            self._failure = failure
            self._wake()

    def fail(self, why: Exception) -> None:
        """Raise `why` in the reader at rest right now; the queue goes on."""
        with self._lock:
            if self._wakers:
                self._word = why
                self._wake()

    def __len__(self) -> int:
        with self._lock:
            return len(self._waiting())

    def look(self) -> Batch | None:
        """Give the waiting events and keep all; None without any. Raises `FeedOverflow`."""
        with self._lock:
            self._sweep()
            if events := self._waiting():
                return Batch(events, self._given, self._count)
            if self._lost:
                lost, self._lost = self._lost, 0
                raise FeedOverflow(lost)
            if self._word is not None:
                word, self._word = self._word, None
                raise word
            if not self._closed:
                return None
            failure, self._failure = self._failure, None
            if failure is not None:
                raise failure
            return Batch([], self._given, self._given)

    def give(self, batch: Batch) -> bool:
        """Let go of a batch for the caller, unless another caller was quicker.

        The last step before a caller's `return`: one store, between which and that no interrupt
        and no other thread can come.
        """
        if self._given != batch.since:
            return False
        self._given = batch.until
        return True

    async def take(self) -> list[Any] | None:
        """Wait for events and give all there are; None at the end. Raises `FeedOverflow`."""
        while not self.give(batch := await self.coming()):
            pass  # another caller was quicker
        return batch.events or None

    async def coming(self) -> Batch:
        """Await events for `look`. Raises `EngineClosed` where none can come."""
        loop = asyncio_loop()
        while (batch := self.look()) is None:
            _go_on()
            ready = loop.create_future()
            with self._told(functools.partial(_tell, loop, ready)):
                await asyncio.wait((ready,), timeout=_TICK)
        return batch

    def wait(self, seconds: float) -> None:
        """Wait in a thread, for a moment, or until `look` will find something."""
        _go_on()
        ready = threading.Lock()  # an Event stumbles over an interrupt in the midst of its wait
        ready.acquire()
        with self._told(ready.release):
            ready.acquire(timeout=min(seconds, _TICK))

    @contextlib.contextmanager
    def _told(self, waker: Callable[[], None]) -> Iterator[None]:
        """Have `waker` called as soon as there is something, also if that is so already."""
        with self._lock:
            self._wakers.append(waker)
            if self._lost or self._closed or self._word or self._waiting():
                self._wake()
        try:
            yield
        finally:
            with self._lock, contextlib.suppress(ValueError):
                self._wakers.remove(waker)

    def _waiting(self) -> list[Any]:
        if self._coalesces:
            return [event for number, event in self._states.values() if number > self._given]
        return self._events[self._given - self._swept :]

    def _sweep(self) -> None:
        """Forget the events that were given. Plain stores: no interrupt comes between the two."""
        given = self._given
        if given == self._swept:
            return
        if self._coalesces:
            kept = {name: each for name, each in self._states.items() if each[0] > given}
            self._states = kept
        else:
            kept_events = self._events[given - self._swept :]
            self._events = kept_events
        self._swept = given

    def _wake(self) -> None:
        wakers, self._wakers = self._wakers, []
        for wake in wakers:
            wake()


def _go_on() -> None:
    if engine().closed:
        raise EngineClosed("marketkit's event loop was closed during the call")


def _come(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


def _tell(loop: asyncio.AbstractEventLoop, ready: asyncio.Future[None]) -> None:
    with contextlib.suppress(RuntimeError):  # the waiting loop has been closed
        loop.call_soon_threadsafe(_come, ready)
