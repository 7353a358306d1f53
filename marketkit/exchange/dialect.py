"""The words between the dialects and the wire: requests, responses, pages, walks, rules."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from marketkit.coverage import ONE_ANSWER, Evidence, Spans
from marketkit.errors import InputError, MarketkitError

if TYPE_CHECKING:
    import polars as pl

Priority = Literal["critical", "high", "normal", "low"]


class RateLimit(NamedTuple):
    """At most `requests` in any `seconds`."""

    requests: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Request:
    """One GET: `path` below the endpoint, `params` in order, and the rate `group` that counts."""

    path: str
    params: tuple[tuple[str, str], ...]
    group: str


@dataclass(frozen=True, slots=True)
class Response:
    """One answer: status, lower-case header names, the decoded body.

    `at` is a moment (milliseconds UTC, the exchange's clock) that had surely passed over there when
    the answer left: its `Date` header, or our own clock at sending where there is none. `sent` is
    the moment (`steady` milliseconds) after which the answer was made: ages count from it.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    at: int
    sent: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """One answer of a candle walk: the rows, and the slots that the answer proves.

    `rows` ascend by time and are distinct. `proved` are the slots, traded or not, that were
    answered for and will not change any more; rows outside of it must not be kept as final.
    `nothing_before` is set by an empty page: the exchange has no candle that starts before this
    moment, and `rests_on` says what confirmed that.
    """

    rows: pl.DataFrame
    proved: Spans
    nothing_before: int | None = None
    rests_on: Evidence = ONE_ANSWER


class Step(NamedTuple):
    """The page of the last response (None before the first), and the next request (None: done)."""

    page: Page | None
    request: Request | None


Walk = Generator[Step, Response, None]


class Allowance(NamedTuple):
    """Headers about a rate group: requests left in the window, and seconds to hold back."""

    remaining: int | None
    retry_after: float | None


@dataclass(frozen=True, slots=True)
class SendingRules:
    """How an exchange is asked: limits, the meaning of answers, and when to ask again.

    `limits` are the rate groups of requests, `other_limits` those of connections. `check` raises
    the error that an answer stands for. `read_allowance` reads an answer's headers for a group.
    `retry_delay` gives the seconds to wait after a failure of the n-th attempt, None to give up.
    `time_request` asks for a small answer of which only the date is wanted. Dates of answers of the
    groups `proving` decide what is closed and what day it is.
    """

    limits: Mapping[str, RateLimit]
    other_limits: Mapping[str, RateLimit]
    check: Callable[[Request, Response], None]
    read_allowance: Callable[[Mapping[str, str], str], Allowance]
    retry_delay: Callable[[MarketkitError, int], float | None]
    time_request: Request
    proving: Collection[str] = ()

    def limit(self, group: str) -> RateLimit:
        """Give the limit of a rate group. Raises `InputError` for an unknown one."""
        limit = self.limits.get(group, self.other_limits.get(group))
        if limit is None:
            raise InputError(f"no limit is known for rate group {group!r}")
        return limit


CLASSES: dict[Priority, int] = {"critical": 0, "high": 1, "normal": 2, "low": 3}
