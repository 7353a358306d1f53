"""The exchange's clock, as its answers tell it."""

from __future__ import annotations

import time

import pytest

from marketkit.net.exchange_clock import ExchangeClock, parse_age, parse_date

DATE = 1_767_225_601_000


@pytest.fixture
def mono() -> list[float]:
    """Our own clock, in seconds."""
    return [100.0]


@pytest.fixture
def clock(mono) -> ExchangeClock:
    """An estimate of the exchange's time."""
    return ExchangeClock(lambda: mono[0])


def test_before_the_first_answer_the_exchanges_clock_is_ours(clock):
    assert abs(clock.now() - time.time() * 1000) < 5000


def test_the_exchanges_clock_runs_on_from_the_last_date(clock, mono):
    clock.saw(DATE)
    mono[0] += 0.7
    assert clock.now() == DATE + 700


def test_the_exchanges_clock_never_goes_back_for_a_date_of_the_same_second(clock, mono):
    clock.saw(DATE)
    mono[0] += 0.7
    clock.saw(DATE)
    assert clock.now() == DATE + 700


@pytest.mark.parametrize("jump", [-3_600_000, 60_000])
def test_the_exchanges_clock_is_followed_when_it_was_set_or_runs_faster(clock, mono, jump):
    clock.saw(DATE)
    mono[0] += 1.0
    clock.saw(DATE + jump)
    assert clock.now() == DATE + jump


@pytest.mark.parametrize("header", [None, "", "yesterday"])
def test_a_date_that_says_nothing_is_none(header):
    assert parse_date(header) is None


def test_a_date_is_read_as_milliseconds():
    assert parse_date("Thu, 01 Jan 2026 00:00:01 GMT") == DATE


@pytest.mark.parametrize(
    ("header", "age"), [("7", 7), ("0", 0), (None, 0), ("", 0), ("-3", 0), ("soon", 0), ("٣", 0)]
)
def test_an_age_is_whole_seconds_or_nothing(header, age):
    assert parse_age(header) == age
