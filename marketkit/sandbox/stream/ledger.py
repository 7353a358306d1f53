"""Counts of the websockets of one exchange, open and past."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from typing import Any, Final, Protocol

_KEPT: Final = 1000  # past connections to tell of
_COUNTED: Final = ("messages", "violations", "frames", "bytes")


class Counted(Protocol):
    """A connection as seen by the ledger."""

    def stats(self) -> dict[str, Any]:
        """Return the counts and the state."""
        ...


class Ledger:
    """Connections that are over, and handshakes that came to nothing."""

    def __init__(self) -> None:
        self.refused = self.cut_off = 0
        self._past: deque[dict[str, Any]] = deque(maxlen=_KEPT)
        self._sums: Counter[str] = Counter()

    def close(self, connection: Counted) -> None:
        """Enter a connection that is over."""
        self._past.append(connection.stats())
        self._sums.update(_counted(connection))

    def stats(self, still_open: Iterable[Counted]) -> dict[str, Any]:
        """Return counts of all connections, open and past."""
        connections, sums = list(still_open), Counter(self._sums)
        for connection in connections:
            sums.update(_counted(connection))
        return {
            "connections": sums["connections"],
            "open": len(connections),
            "refused": self.refused,
            "cut_off": self.cut_off,
            **{name: sums[name] for name in _COUNTED},
        }

    def rows(self, still_open: Iterable[Counted]) -> list[dict[str, Any]]:
        """Return every connection, oldest first, the open ones last."""
        return [*self._past, *(connection.stats() for connection in still_open)]

    def reset(self) -> None:
        """Forget past connections; open ones keep their counts."""
        self._past.clear()
        self._sums.clear()
        self.refused = self.cut_off = 0


def _counted(connection: Counted) -> dict[str, int]:
    stats = connection.stats()
    return {"connections": 1, **{name: stats[name] for name in _COUNTED}}
