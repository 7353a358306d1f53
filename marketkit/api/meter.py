"""Counts of what was delivered: from where, how old, how fast."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from marketkit.api.choice import Source
from marketkit.api.query import Answer
from marketkit.cache.ttl import Kind
from marketkit.clock import steady

_RECENT = 10_000  # calls that percentiles are taken over
_MINUTE = 60_000


class Delivery(NamedTuple):
    """One call: when it was answered, symbols delivered, seconds it took, `(age, symbols)`."""

    at: int
    symbols: int
    seconds: float
    ages: Sequence[tuple[int, int]]


class Meter:
    """Counts since it was made, and the latest calls; it may be used by any thread."""

    def __init__(self, clock: Callable[[], int] = steady) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._delivered: Counter[tuple[Kind, Source]] = Counter()
        self._failed: Counter[Kind] = Counter()
        self._recent: deque[Delivery] = deque(maxlen=_RECENT)

    def count(self, kind: Kind, answer: Answer, seconds: float) -> None:
        """Count one call that was answered."""
        now = self._clock()
        ages = [(now - part.made, len(part.symbols)) for part in answer.parts]
        delivery = Delivery(now, sum(count for _, count in ages), seconds, ages)
        with self._lock:
            for part in answer.parts:
                self._delivered[kind, part.source] += len(part.symbols)
            self._failed[kind] += len(answer.failures)
            self._recent.append(delivery)

    def delivered(self) -> dict[tuple[Kind, Source], int]:
        """Give the symbols delivered, by kind of data and source."""
        with self._lock:
            return dict(self._delivered)

    def failed(self) -> dict[Kind, int]:
        """Give the symbols that were asked for and not delivered."""
        with self._lock:
            return dict(+self._failed)

    def recent(self) -> list[Delivery]:
        """Give the latest calls, oldest first."""
        with self._lock:
            return list(self._recent)

    def per_second(self) -> float:
        """Give the symbols delivered a second, over the last minute."""
        since = self._clock() - _MINUTE
        return sum(each.symbols for each in self.recent() if each.at > since) / _MINUTE * 1000
