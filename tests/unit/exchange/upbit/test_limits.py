"""Limits, the headers that speak of them, and when a failure is worth another attempt."""

from __future__ import annotations

import pytest

from marketkit.errors import (
    BadResponse,
    Banned,
    InvalidRange,
    NetworkError,
    RateLimited,
    Refused,
    ServerFailed,
    TimedOut,
    UnknownSymbol,
    Unreachable,
)
from marketkit.exchange.upbit.limits import (
    MESSAGE_LIMITS,
    OTHER_LIMITS,
    UPBIT_LIMITS,
    Remaining,
    parse_remaining,
    parse_retry_after,
    retry_delay,
)


def test_every_group_of_the_wire_allows_ten_a_second():
    assert set(UPBIT_LIMITS) == {"market", "candles", "crix-trades", "ticker", "orderbook"}
    assert set(UPBIT_LIMITS.values()) == {(10, 1.0)}


def test_websockets_have_limits_of_their_own():
    assert OTHER_LIMITS == {"websocket-connect": (5, 1.0)}
    assert MESSAGE_LIMITS == ((5, 1.0), (100, 60.0))


@pytest.mark.parametrize(
    ("header", "group", "seconds"),
    [
        ("group=candles; min=600; sec=9", "candles", 9),
        ("group=crix-trades; min=600; sec=0", "crix-trades", 0),
        ("group=origin; min=6; sec=0", "origin", 0),
        ("group=market;min=600;sec=10", "market", 10),
    ],
)
def test_the_header_tells_the_group_and_the_calls_left(header, group, seconds):
    assert parse_remaining(header) == Remaining(group, seconds)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "sec=9",
        "group=candles",
        "group=candles; min=600; sec=-1",
        "nonsense",
        f"group=candles; min=1; sec={'9' * 4000}",
    ],
)
def test_a_header_that_is_absent_or_unreadable_tells_nothing(header):
    assert parse_remaining(header) is None


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("3", 3.0), ("0.5", 0.5), ("0", 0.0), ("-5", 0.0), ("", None), (None, None),
     ("Wed, 21 Oct 2015 07:28:00 GMT", None)],
)  # fmt: skip
def test_seconds_to_wait_are_read_where_they_are_numbers(header, seconds):
    assert parse_retry_after(header) == seconds


@pytest.mark.parametrize(
    "failure",
    [Unreachable("x"), TimedOut("x"), NetworkError("x"), ServerFailed("x"), BadResponse("x")],
)
def test_trouble_that_may_pass_is_retried_four_times_with_doubling_waits(failure):
    waits = [retry_delay(failure, attempt) for attempt in range(1, 7)]
    assert waits == [0.2, 0.4, 0.8, 1.6, None, None]


def test_a_429_leaves_the_waiting_to_the_budget():
    assert [retry_delay(RateLimited("x"), attempt) for attempt in range(1, 6)] == [0.0] * 4 + [None]


@pytest.mark.parametrize(
    "failure", [Banned("x"), Refused("x", 400), UnknownSymbol("KRW-X"), InvalidRange("x")]
)
def test_what_no_retry_can_mend_is_never_retried(failure):
    assert retry_delay(failure, 1) is None
