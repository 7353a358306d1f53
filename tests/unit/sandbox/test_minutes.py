"""The minutes of a made-up day."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketkit.sandbox.candle import merged
from marketkit.sandbox.chance import WIDEST_GAP, Chance, Day, Plan
from marketkit.sandbox.control import moment
from marketkit.sandbox.minutes import _rounded, day_minutes
from marketkit.sandbox.ticks import Tick
from marketkit.sandbox.widths import DAY, HOUR, MINUTE

START = moment("2026-11-19")
BUSY = Day(START, Tick(1000, 1), 150_000, 152_500, 148_000, 151_000, 300_000_000_000, 0, 1439)
CHEAP = Day(START, Tick(1, 100_000_000), 3, 4, 2, 3, 5_000_000_000_000, 400, 1200)


@pytest.mark.parametrize("day", [BUSY, CHEAP])
@pytest.mark.parametrize("traded", [1.0, 0.6, 0.02])
def test_the_minutes_are_the_day_and_one_after_the_other(day, traded):
    minutes = day_minutes(Plan(day, 7, traded))
    rows = minutes.before(START + DAY, 2_000)
    price = day.tick.price
    assert [row.time for row in rows] == sorted({row.time for row in rows})
    assert (rows[0].time >= START + day.first * MINUTE, rows[-1].time) == (
        True,
        START + day.final * MINUTE,
    )
    assert max(row.high for row in rows) == price(day.high)
    assert min(row.low for row in rows) == price(day.low)
    assert rows[0].open == pytest.approx(price(day.open), abs=price(WIDEST_GAP))
    assert rows[-1].close == price(day.close)
    assert round(sum(row.volume for row in rows) * 1e8) == day.units
    assert math.fsum(row.value for row in rows) == pytest.approx(day.value, rel=1e-12)


@pytest.mark.parametrize("traded", [1.0, 0.6])
def test_about_every_second_minute_opens_off_the_last_close(traded):
    rows = day_minutes(Plan(BUSY, 7, traded)).before(START + DAY, 2_000)
    steps = [(row.open - last.close) / 1000 for last, row in pairwise(rows)]
    assert sum(map(bool, steps)) / len(steps) == pytest.approx(0.47, abs=0.05)
    assert {*steps} == {-3, -2, -1, 0, 1, 2, 3}


def test_a_day_opens_off_its_first_minute_once_in_thirty_days():
    plans = [Plan(BUSY._replace(start=START + n * DAY), 7, 0.6) for n in range(2000)]
    odd = sum(Chance.of(plan).opening(plan.day) != BUSY.open for plan in plans)
    assert odd / 2000 == pytest.approx(7 / 199, rel=0.3)


def test_a_day_that_trades_once_is_that_minute():
    day = BUSY._replace(first=700, final=700)
    minute = day_minutes(Plan(day, 7, 0.001)).before(START + DAY, 5)
    assert len(minute) == 1
    price = day.tick.price
    assert minute[0][1:5] == tuple(map(price, (day.open, day.high, day.low, day.close)))
    assert minute[0].value == day.value


@pytest.mark.parametrize("traded", [1.0, 0.02])
def test_totals_and_wider_candles_are_the_merged_minutes(traded):
    minutes = day_minutes(Plan(BUSY, 7, traded))
    rows = minutes.before(START + DAY, 2_000)
    for start, end in ((START, START + DAY), (START + 5 * HOUR, START + 7 * HOUR + MINUTE)):
        inside = [row for row in rows if start <= row.time < end]
        assert minutes.total(start, end) == merged(start, inside)
    hours = minutes.derived(HOUR)
    for hour in hours.rows(0, len(hours.time)):
        assert minutes.total(hour.time, hour.time + HOUR) == hour
    assert sum(hours.volume) == pytest.approx(sum(row.volume for row in rows))


def test_a_minute_is_found_by_its_start_only():
    minutes = day_minutes(Plan(BUSY, 7, 1.0))
    at = START + 617 * MINUTE
    assert minutes.at(at) == minutes.before(at + 1, 1)[0]
    assert minutes.at(at + 1) is minutes.at(START - MINUTE) is minutes.at(START + DAY) is None
    assert minutes.total(at + 1, at + MINUTE) is None


def test_nothing_adds_up_to_nothing_in_a_maintenance_window():
    last = moment("2026-09-30")
    day = BUSY._replace(start=last)
    assert day_minutes(Plan(day, 7, 1.0)).total(last + 18 * HOUR, last + 21 * HOUR) is None


@settings(max_examples=300)
@given(
    st.lists(
        st.one_of(
            st.floats(1e-9, 2e7),
            st.integers(0, 10**13).map(lambda halves: halves / 2e8),  # on a tie or beside it
        ),
        min_size=1,
    )
)
def test_rounding_leaves_eight_places_and_moves_by_half_of_the_last_one_at_most(values):
    for value, found in zip(values, _rounded(values), strict=True):
        assert found == round(found, 8)
        assert abs(found - value) <= 5.001e-9 + math.ulp(value)
