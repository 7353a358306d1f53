"""TODO."""

from __future__ import annotations

import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime


class ExchangeClock:
    """The exchange's clock as its `Date` headers tell it; ours until the first one."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._ahead: float | None = None  # ms that the exchange is ahead of our monotonic clock

    def now(self) -> int:
        """Give the estimate, in milliseconds UTC."""
        if self._ahead is None:
            return time.time_ns() // 1_000_000
        return int(self._monotonic() * 1000 + self._ahead)

    def saw(self, date: int) -> None:
        """Learn from a `Date` header, in milliseconds UTC; it has whole seconds only."""
        mono = self._monotonic() * 1000
        # An estimate inside the second that the header names is better than the second's start.
        if self._ahead is None or not date <= mono + self._ahead < date + 1000:
            self._ahead = date - mono


def parse_date(header: str | None) -> int | None:
    """Read a `Date` header as milliseconds UTC; None when absent or unreadable.

    >>> parse_date("Thu, 01 Jan 2026 00:00:01 GMT")
    1767225601000
    """
    try:
        return int(parsedate_to_datetime(header).timestamp() * 1000) if header else None
    except ValueError:
        return None


def parse_age(header: str | None) -> int:
    """Read an `Age` header: the seconds an answer lay in somebody's cache on the way."""
    return int(header) if header and header.isascii() and header.isdigit() else 0
