"""The exchange's clock, and ours beside it."""

from __future__ import annotations

import time

import pytest

from marketkit.net import exchange_clock as module
from marketkit.net.exchange_clock import ExchangeClock, parse_age, parse_date
from marketkit.timeframe import DAY, parse_time

DATE = parse_time("2026-01-01T00:00:01Z")


@pytest.fixture
def ages() -> list[int]:
    """Our own clock for ages, in ms."""
    return [100_000]


@pytest.fixture
def clock(ages) -> ExchangeClock:
    """An estimate of the exchange's time."""
    return ExchangeClock(lambda: ages[0])


@pytest.fixture
def here(monkeypatch) -> list[int]:
    """This machine's time of day, in ms."""
    now = [DATE]
    monkeypatch.setattr(module, "machine_time", lambda: now[0])
    return now


def test_before_the_first_answer_the_exchanges_clock_is_ours(clock):
    assert abs(clock.now() - time.time() * 1000) < 5000
    assert not clock.is_heard
    assert clock.machine_ahead() is None


def test_the_exchanges_clock_runs_on_from_the_last_date(clock, ages):
    clock.saw(DATE)
    ages[0] += 700
    assert clock.is_heard
    assert clock.now() == DATE + 700


def test_the_exchanges_clock_never_goes_back_for_a_date_of_the_same_second(clock, ages):
    clock.saw(DATE)
    ages[0] += 700
    clock.saw(DATE)
    assert clock.now() == DATE + 700


@pytest.mark.parametrize("jump", [-3_600_000, 60_000])
def test_the_exchanges_clock_is_followed_when_it_was_set_or_runs_faster(clock, ages, jump):
    clock.saw(DATE)
    ages[0] += 1000
    clock.saw(DATE + jump)
    assert clock.now() == DATE + jump


def test_setting_the_machines_clock_changes_nothing_that_is_computed(clock, here):
    clock.saw(DATE)
    here[0] += 40 * DAY
    assert clock.now() == DATE
    assert clock.machine_ahead() == 40 * DAY


@pytest.mark.parametrize("ahead", [40 * DAY, 61_000, -61_000])
def test_a_machines_clock_that_is_wrong_is_told_with_both_times(clock, here, ahead):
    assert clock.doubt() is None  # nobody knows yet
    clock.saw(DATE)
    here[0] += ahead
    told = clock.doubt()
    assert "2026-01-01T00:00:01Z" in told
    assert module.iso(DATE + ahead) in told


@pytest.mark.parametrize("ahead", [0, 59_000, -59_000])
def test_a_machines_clock_that_is_about_right_is_nothing_to_tell(clock, here, ahead):
    clock.saw(DATE)
    here[0] += ahead
    assert clock.doubt() is None


@pytest.mark.parametrize("header", [None, "", "yesterday"])
def test_a_date_that_says_nothing_is_none(header):
    assert parse_date(header) is None


@pytest.mark.parametrize(
    ("header", "age"), [("12", 12), (None, 0), ("-3", 0), ("soon", 0), ("²", 0), ("٣", 0)]
)
def test_an_age_is_a_whole_number_of_seconds_or_nothing(header, age):
    assert parse_age(header) == age
