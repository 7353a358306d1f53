"""The exchange's clock, read from the `Date` headers of answers."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from email.utils import parsedate_to_datetime

from marketkit.clock import age_clock
from marketkit.timeframe import DAY, MINUTE, SECOND, iso, parse_time

APART = MINUTE  # clocks of machines in order are within a second; the header has whole ones only
EARLIEST = parse_time("2017-01-01")  # the exchange opened in that year
_WRITTEN = parse_time("2026-01-01")  # a machine that says less has no clock of its own
_FARTHEST = 730 * DAY  # machines that have one were seen a year behind; no exchange is years ahead
_OLDEST = 86_400  # seconds; no cache on the way keeps live data for a day
_DIGITS = 10  # of an age; the header's longest has as many (RFC 9111, section 1.2.2)
_RECENT = 5  # answers whose median is the clock: two of them may be wrong


class ExchangeClock:
    """The exchange's clock: the median of recent `Date` headers; ours until the first one.

    One answer alone moves it by a minute at most. What is farther from the answers before, or from
    this machine's clock where there are none, waits for a second answer that says the same. `ages`
    gives milliseconds that go on while the machine sleeps, `awake` some that do not: after a sleep
    the clock is unknown again.
    """

    def __init__(
        self, ages: Callable[[], int] = age_clock, awake: Callable[[], int] | None = None
    ) -> None:
        self._ages = ages
        self._awake = awake or _monotonic
        self._recent: deque[int] = deque(maxlen=_RECENT)
        self._ahead: int | None = None  # ms that the exchange is ahead of `ages`
        self._claim: int | None = None  # the same, as one answer alone says
        self._slept = self._ages() - self._awake()
        self.jumps = 0  # how often two answers have set it by more than a minute

    @property
    def is_heard(self) -> bool:
        """Whether the exchange told the time since the machine last slept."""
        return self._offset() is not None

    @property
    def is_sure(self) -> bool:
        """Whether nothing that one answer alone says waits for a second."""
        return self._claim is None or self._has_slept()

    def now(self) -> int:
        """Give the estimate, in milliseconds UTC."""
        offset = self._offset()
        if offset is None:
            # machine's clock: nothing was heard yet; what depends on it calls `ask_time` before
            return machine_time()
        return self._ages() + offset

    def saw(self, date: int) -> None:
        """Learn from a `Date` header, in milliseconds UTC; the header has whole seconds only."""
        # machine's clock: no exchange is years ahead of it, whatever a header says
        if not EARLIEST <= date <= max(machine_time(), _WRITTEN) + _FARTHEST:
            return
        if self._has_slept():
            self._forget()
        offset = date - self._ages()
        if self._ahead is not None and abs(offset - self._ahead) <= APART:
            self._claim = None
            self._agree(offset)
        elif self._claim is not None and abs(offset - self._claim) <= APART:
            self.jumps += self._ahead is not None
            self._start(self._claim)
            self._agree(offset)
        # machine's clock: the first answer is not alone if it agrees with that
        elif self._offset() is None and abs(date - machine_time()) <= APART:
            self._start(offset)
        else:
            self._claim = offset

    def bounded(self, date: int) -> int:
        """Give the moment that had surely passed at an answer just received, dated `date`."""
        alone = self._ahead is None or self._has_slept()
        # machine's clock: what one answer alone says is no bound to itself
        latest = machine_time() if alone else self.now()
        return date if EARLIEST <= date <= latest + APART else latest

    def _offset(self) -> int | None:
        if self._has_slept():
            return None
        return self._claim if self._ahead is None else self._ahead

    def _agree(self, offset: int) -> None:
        """Take in an answer that agrees with the earlier ones."""
        self._recent.append(offset)
        middle = sorted(self._recent)[len(self._recent) // 2]
        # An estimate inside the second that a header names is better than the second's start.
        if self._ahead is None or not middle <= self._ahead < middle + SECOND:
            self._ahead = middle

    def _start(self, offset: int) -> None:
        """Begin with an answer that something else agrees with."""
        self._forget()
        self._ahead = offset
        self._recent.append(offset)

    def _forget(self) -> None:
        self._recent.clear()
        self._ahead = self._claim = None
        self._slept = self._ages() - self._awake()

    def _has_slept(self) -> bool:
        """Say whether the machine slept since the clock was begun."""
        return self._ages() - self._awake() - self._slept > APART

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
        return machine_time() - self.now() if self.is_heard else None


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
    except (ValueError, OverflowError):
        return None


def parse_age(header: str | None) -> int:
    """Read an `Age` header: the seconds an answer lay in somebody's cache on the way."""
    is_number = header and header.isascii() and header.isdigit()
    return min(int(header), _OLDEST) if header and is_number and len(header) <= _DIGITS else 0


def _monotonic() -> int:
    return time.monotonic_ns() // 1_000_000
