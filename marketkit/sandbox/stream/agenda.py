"""Actions in the order of sandbox time: everything a stream does happens in this order."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count

Action = Callable[[], None]

# Within one millisecond: what happened, then what is made of it, then what answers a client.
TRADE, BOOK, CANDLE, REACTION = range(4)


class Agenda:
    """Actions by due time (ms UTC), rank, and order of addition."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, int, Action]] = []
        self._serial = count()

    def add(self, due: int, rank: int, action: Action) -> None:
        """Put an action on the agenda; one that is no longer wanted must see so itself."""
        heappush(self._heap, (due, rank, next(self._serial), action))

    def next_due(self) -> int | None:
        """Return when the next action is due."""
        return self._heap[0][0] if self._heap else None

    def take(self, until: int) -> tuple[int, Action] | None:
        """Take the first action that is due by `until`, with the due time."""
        if not self._heap or self._heap[0][0] > until:
            return None
        due, _, _, action = heappop(self._heap)
        return due, action

    def clear(self) -> None:
        """Forget everything."""
        self._heap.clear()
