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


def test_an_extreme_age_is_nothing_or_a_day():
    assert parse_age("9" * 5000) == 0
    assert parse_age("9" * 10) == 86_400


@pytest.mark.parametrize("header", ["Fri, 20 Nov 2026 10:17:30 +9999999999", "9" * 5000])
def test_an_extreme_date_is_none(header):
    assert parse_date(header) is None


@pytest.mark.parametrize("jump", [-3_600_000, 61_000, 40 * DAY])
def test_a_jump_that_one_answer_alone_tells_is_not_followed(clock, here, jump):
    clock.saw(DATE)
    clock.saw(DATE + jump)
    assert clock.now() == DATE
    assert not clock.is_sure
    assert clock.bounded(DATE + jump) == min(DATE, DATE + jump)
    clock.saw(DATE)
    assert clock.is_sure
    assert clock.now() == DATE
    assert clock.jumps == 0


@pytest.mark.parametrize("jump", [-3_600_000, 61_000, 40 * DAY])
def test_a_jump_that_two_answers_tell_is_followed_and_counted(clock, here, jump):
    clock.saw(DATE)
    clock.saw(DATE + jump)
    clock.saw(DATE + jump)
    assert clock.now() == DATE + jump
    assert clock.is_sure
    assert clock.jumps == 1


def test_a_first_answer_far_from_the_machines_clock_waits_for_a_second(clock, here):
    here[0] = DATE + DAY
    clock.saw(DATE)
    assert clock.is_heard
    assert not clock.is_sure
    assert clock.bounded(DATE) == DATE
    assert clock.bounded(DATE + 2 * DAY) == here[0]
    clock.saw(DATE)
    assert clock.is_sure
    assert clock.jumps == 0


def test_a_wrong_answer_that_agrees_with_a_wrong_machine_waits_as_well(clock, here):
    here[0] = DATE + DAY
    clock.saw(DATE)
    clock.saw(DATE + DAY)
    assert not clock.is_sure
    for _ in range(2):
        clock.saw(DATE)
    assert clock.is_sure
    assert clock.now() == DATE


def test_the_clock_is_the_median_of_recent_answers(clock, here, ages):
    for at in (0, 0, 30_000, 0, -30_000, 0):
        ages[0] += 2000
        clock.saw(DATE + ages[0] - 100_000 + at)
    assert abs(clock.now() - (DATE + ages[0] - 100_000)) < 1000


@pytest.mark.parametrize("date", ["1970-01-01", "2016-12-31", "2040-01-01", "9998-12-31"])
def test_a_date_out_of_all_reason_is_refused_however_often_it_comes(clock, here, date):
    for _ in range(3):
        clock.saw(parse_time(date))
    assert not clock.is_heard
    assert clock.bounded(parse_time(date)) == here[0]


def test_after_a_sleep_of_the_machine_the_clock_is_unknown_until_the_next_answer(ages, here):
    awake = [0]
    clock = ExchangeClock(lambda: ages[0], lambda: awake[0])
    clock.saw(DATE)
    ages[0] += 9 * 3_600_000
    awake[0] += 1000
    assert not clock.is_heard
    assert clock.now() == here[0]
    here[0] += 9 * 3_600_000
    clock.saw(here[0])
    assert clock.is_heard
    ages[0] += 3_600_000
    awake[0] += 3_600_000
    assert clock.is_heard
