"""What waits for the consumers of streams, each at its own pace and never without bound."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from typing import Any

from marketkit.errors import FeedOverflow

BUFFER = 100_000  # events that wait for one consumer, at most


class Queue:
    """What waits for one consumer: the newest state of each symbol, or events in order.

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

    def put(self, event: Any) -> bool:
        """Take an event, which has a `symbol`; say whether it found room."""
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
        """End it: what waits can still be taken, and then `failure` is raised once."""
        self._closed = True
        self._failure = failure
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
            await self._ready.wait()


class Fan:
    """Passes events on, on the engine's loop, to any number of consumers, who may be elsewhere."""

    def __init__(self) -> None:
        self.events = 0
        self.lost = 0
        self._queues: tuple[Queue, ...] = ()
        self._closed = False
        self._lock = threading.Lock()

    @property
    def consumers(self) -> int:
        """How many there are."""
        return len(self._queues)

    @property
    def backlog(self) -> int:
        """How many events wait for the slowest of them."""
        return max(map(len, self._queues), default=0)

    def put(self, event: Any) -> None:
        """Pass an event on."""
        self.events += 1
        for queue in self._queues:
            if not queue.put(event):
                self.lost += 1

    def open(self, queue: Queue) -> Queue:
        """Have `queue` told of events from now on."""
        with self._lock:
            self._queues = (*self._queues, queue)
            if self._closed:
                queue.close()
        return queue

    def leave(self, queue: Queue) -> None:
        """Tell `queue` nothing any more."""
        with self._lock:
            self._queues = tuple(each for each in self._queues if each is not queue)

    def close(self, failure: Exception | None = None) -> None:
        """End every queue; `failure` is why, if nobody wished it."""
        with self._lock:
            self._closed = True
            for queue in self._queues:
                queue.close(failure)
