"""The calls of this process that wait for a slot, in four classes that age."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Generic, NamedTuple, Protocol, TypeVar

from marketkit.net.budget.pacing import AGEING, Head


class Timed(Protocol):
    """A slot, as far as a queue is concerned."""

    @property
    def sent(self) -> float:
        """When the slot was given, in seconds of the machine's clock."""


S = TypeVar("S", bound=Timed)


class _Call(NamedTuple, Generic[S]):
    since: float
    slot: asyncio.Future[S]


class Waiting(Generic[S]):
    """Queues by class (0 is the most urgent); `period` is that of the limit, in seconds."""

    def __init__(self, period: float) -> None:
        self._period = period
        self._queues: tuple[deque[_Call[S]], ...] = tuple(deque() for _ in AGEING)
        self._served = [0.0 for _ in AGEING]

    def add(self, priority: int, now: float) -> asyncio.Future[S]:
        """Queue a call; the slot comes as the result of the future."""
        call = _Call[S](now, asyncio.get_running_loop().create_future())
        self._queues[priority].append(call)
        return call.slot

    def head(self, now: float) -> Head | None:
        """Give the call that is next here; a class that was not served for long is, once."""
        return min(filter(None, (self._head_of(i, now) for i in range(len(AGEING)))), default=None)

    def serve(self, head: Head, slot: S) -> None:
        """Give `slot` to the call that `head` stands for."""
        self._served[head.priority] = slot.sent
        self._queues[head.priority].popleft().slot.set_result(slot)

    def refuse(self, reason: BaseException) -> None:
        """Fail every call."""
        for queue in self._queues:
            for call in queue:
                if not call.slot.done():
                    call.slot.set_exception(reason)
            queue.clear()

    def _head_of(self, priority: int, now: float) -> Head | None:
        queue = self._queues[priority]
        while queue and queue[0].slot.done():  # cancelled
            queue.popleft()
        if not queue:
            return None
        # Counting from the last service makes processes and classes take turns.
        since = max(queue[0].since, self._served[priority])
        aged = now - since > AGEING[priority] * self._period
        return Head(0 if aged else priority, since, priority)
