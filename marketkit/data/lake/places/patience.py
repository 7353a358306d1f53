"""Patience with a store: some failures pass when it is asked again a little later."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from marketkit.data.lake.places.failure import Kind, kind_of

# Pauses are drawn between nothing and twice the last, so that many who met do not meet again.
_FIRST, _LONGEST = 0.05, 2.0  # seconds
# Pauses of about 6 s and 0.4 s; a condition may fail for what is gone when one looks.
_TRIES = {Kind.BUSY: 9, Kind.AWAY: 4, Kind.CHANGED: 4}
_LIMIT = 60.0  # seconds after which nothing is begun again: one may take as long to say nothing

_T = TypeVar("_T")


class Patience:
    """The patience of one call."""

    def __init__(self) -> None:
        self._tries = 0
        self._end = time.monotonic() + _LIMIT

    def bears(self, error: Exception) -> bool:
        """Say whether to ask again after a failure, once a pause is over."""
        self._tries += 1
        if self._tries >= _TRIES.get(kind_of(error), 0) or time.monotonic() > self._end:
            return False
        time.sleep(random.random() * min(_LONGEST, _FIRST * 2**self._tries))
        return True


def patiently(work: Callable[[], _T]) -> _T:
    """Do what may be done twice until it succeeds; raise the last failure where it goes on."""
    patience = Patience()
    while True:
        try:
            return work()
        except Exception as error:
            if kind_of(error) is Kind.CHANGED or not patience.bears(error):
                raise
