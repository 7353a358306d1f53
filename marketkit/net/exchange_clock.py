"""The exchange's clock, read from the `Date` headers of answers."""

from __future__ import annotations

import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime

from marketkit.clock import age_clock
from marketkit.timeframe import MINUTE, SECOND, iso

APART = MINUTE  # clocks of machines in order are within a second; the header has whole ones only


class ExchangeClock:
    """The exchange's clock, read from `Date` headers; ours until the first one.

    `ages` gives milliseconds that go on while the machine sleeps.
    """

    def __init__(self, ages: Callable[[], int] = age_clock) -> None:
        self._ages = ages
        self._ahead: int | None = None  # ms that the exchange is ahead of `ages`

    @property
    def is_heard(self) -> bool:
        """Whether the exchange ever told the time."""
        return self._ahead is not None

    def now(self) -> int:
        """Give the estimate, in milliseconds UTC."""
        if self._ahead is None:
            # machine's clock: nothing was heard yet; what depends on it calls `ask_time` before
            return machine_time()
        return self._ages() + self._ahead

    def saw(self, date: int) -> None:
        """Learn from a `Date` header, in milliseconds UTC; the header has whole seconds only."""
        ages = self._ages()
        # An estimate inside the second that the header names is better than the second's start.
        if self._ahead is None or not date <= ages + self._ahead < date + SECOND:
            self._ahead = date - ages

    def doubt(self) -> str | None:
        """Give the words for a wrong clock of this machine, or None for a right one."""
        ahead = self.machine_ahead()
        if ahead is None or abs(ahead) <= APART:
            return None
        return (
            f"the clock of this machine says {_second(self.now() + ahead)}, that of the exchange"
            f" {_second(self.now())}: marketkit goes by the exchange's"
        )

    def machine_ahead(self) -> int | None:
        """Give the ms that this machine's clock is ahead; None before the exchange was heard."""
        # machine's clock: this is about it
        return None if self._ahead is None else machine_time() - self.now()


def machine_time() -> int:
    """Give the time of this machine, in milliseconds UTC."""
    # machine's clock: for who has no other, and to tell how far it is from the exchange's
    return time.time_ns() // 1_000_000


def _second(time: int) -> str:
    return iso(time // SECOND * SECOND)


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
