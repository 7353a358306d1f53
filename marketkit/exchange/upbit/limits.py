"""Upbit's limits, the headers about limits, and when to ask again: facts and pure functions.

Source: Upbit reference "rate-limits"; every quotation group allows 10 requests a second per
address, and 5 websockets a second may be opened. The window's kind is not documented, so the
budget is one that satisfies every kind.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from marketkit.errors import (
    BadResponse,
    Banned,
    MarketkitError,
    NetworkError,
    RateLimited,
    ServerFailed,
)
from marketkit.exchange.dialect import Allowance, RateLimit, SendingRules
from marketkit.exchange.upbit.rest import check, time_request

UPBIT_LIMITS: Mapping[str, RateLimit] = {
    "market": RateLimit(10, 1.0),
    "candles": RateLimit(10, 1.0),
    "crix-trades": RateLimit(10, 1.0),
    "ticker": RateLimit(10, 1.0),
    "orderbook": RateLimit(10, 1.0),
}
OTHER_LIMITS: Mapping[str, RateLimit] = {"websocket-connect": RateLimit(5, 1.0)}
MESSAGE_LIMITS = (RateLimit(5, 1.0), RateLimit(100, 60.0))  # of each websocket connection
# No limit has ten digits; a number of thousands would be one that Python refuses to read.
_REMAINING = re.compile(r"group=([\w-]{1,64});\s*min=(\d+);\s*sec=(\d{1,9})(?!\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Remaining:
    """A `Remaining-Req` header: calls left in the group's current window."""

    group: str
    seconds: int


def parse_remaining(header: str | None) -> Remaining | None:
    """Read `group=candles; min=600; sec=9`; `min` is constant and means nothing any more.

    >>> parse_remaining("group=candles; min=600; sec=9")
    Remaining(group='candles', seconds=9)
    """
    match = _REMAINING.search(header or "")
    return Remaining(match[1], int(match[3])) if match else None


def parse_retry_after(header: str | None, date: str | None = None) -> float | None:
    """Read a `Retry-After` header as seconds from now; None when absent or unreadable.

    Where the header names a moment, it is compared with the `date` of the answer. No number is too
    large: the budget decides how much it believes.

    >>> parse_retry_after("3"), parse_retry_after("1e400")
    (3.0, inf)
    """
    try:
        seconds = float(header) if header else math.nan
    except ValueError:
        seconds = _seconds_between(date, header)
    return None if math.isnan(seconds) else max(0.0, seconds)


def _seconds_between(start: str | None, end: str | None) -> float:
    """Give the seconds from one HTTP date to another; not a number where one is unreadable."""
    try:
        first, last = (parsedate_to_datetime(each or "").timestamp() for each in (start, end))
    except (ValueError, TypeError, OverflowError):
        return math.nan
    return last - first


def read_allowance(headers: Mapping[str, str], group: str) -> Allowance:
    """Read the headers of an answer to a request of `group`; other groups' say nothing."""
    remaining = parse_remaining(headers.get("remaining-req"))
    left = remaining.seconds if remaining and remaining.group == group else None
    return Allowance(left, parse_retry_after(headers.get("retry-after"), headers.get("date")))


def retry_delay(failure: MarketkitError, attempt: int) -> float | None:
    """Say how many seconds to wait before attempt `attempt + 1`, or None to give up.

    Connection trouble, timeouts, 5xx and unreadable bodies are worth four more attempts with
    doubling waits from 0.2 s. A 429 has no wait of its own: the budget already holds the whole
    group. A ban (418) and any other 4xx are never retried.
    """
    if attempt >= 5 or isinstance(failure, Banned):
        return None
    if isinstance(failure, RateLimited):
        return 0.0
    if isinstance(failure, NetworkError | ServerFailed | BadResponse):
        return 0.2 * 2.0 ** (attempt - 1)
    return None


_PROVING = frozenset({"candles", "crix-trades"})
UPBIT = SendingRules(
    UPBIT_LIMITS, OTHER_LIMITS, check, read_allowance, retry_delay, time_request(), _PROVING
)
