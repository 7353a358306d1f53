"""The words between the dialects and the wire: requests, responses, pages, rate limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from marketkit.coverage import Spans

if TYPE_CHECKING:
    import polars as pl

Priority = Literal["critical", "high", "normal", "low"]


class RateLimit(NamedTuple):
    """At most `requests` in any `seconds`."""

    requests: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Request:
    """One GET: `path` below the endpoint, `params` in order, and the rate `group` it counts in."""

    path: str
    params: tuple[tuple[str, str], ...]
    group: str


@dataclass(frozen=True, slots=True)
class Response:
    """What came back: status, lower-case header names, the decoded body.

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
    """One answer of a candle walk: its rows, and what the answer proves.

    `rows` ascend by time and are distinct. `proved` are the slots, traded or not, that were
    answered for and will not change any more; rows outside of it must not be kept as final.
    `nothing_before` is set by an empty page: the exchange has no candle that starts before this
    moment.
    """

    rows: pl.DataFrame
    proved: Spans
    nothing_before: int | None = None


CLASSES: dict[Priority, int] = {"critical": 0, "high": 1, "normal": 2, "low": 3}
