"""The time an answer may take: a little in the loop, where others wait; for ever elsewhere."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_deadline: ContextVar[float] = ContextVar("deadline", default=math.inf)


class TooLong(Exception):
    """An answer is better worked out in a thread: the loop has others to serve."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Limit the work inside, which raises `TooLong` at a `take` beyond the limit."""
    token = _deadline.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _deadline.reset(token)


def take(seconds: float) -> None:
    """Say how long the next piece of work takes, about; raise `TooLong` if that is not left."""
    deadline = _deadline.get()
    if deadline < math.inf and time.monotonic() + seconds > deadline:
        raise TooLong
