"""A source in its hours: all of it inside, nothing outside, and exact at the edges."""

from __future__ import annotations

import pytest

from marketkit.sandbox.candle import merged
from marketkit.sandbox.clipped import Clipped
from marketkit.sandbox.control import moment
from marketkit.sandbox.moment import candle_page, trades_before
from marketkit.sandbox.synthetic import Synthetic
from marketkit.sandbox.trades import candle_of
from marketkit.sandbox.widths import DAY, MINUTE, WIDTHS

WHOLE = Synthetic("KRW-BTC", 1, 0)
START, PAUSE = moment("2026-11-18T10:17:30.500"), moment("2026-11-19T05:00:10")
RESUME, END = moment("2026-11-19T05:00:40"), moment("2026-11-20T10:59:59.123")
HOURS = ((START, PAUSE), (RESUME, END))
ONE_MINUTE, NOW = WIDTHS["1m"], END + DAY


@pytest.fixture(scope="module")
def clipped():
    return Clipped(WHOLE, HOURS)


@pytest.fixture(scope="module")
def trades():
    """All trades of the hours, oldest first."""
    whole = list(trades_before(WHOLE, END, NOW, START))[::-1]
    return [one for one in whole if not PAUSE <= one.time < RESUME]


def test_the_trades_are_those_of_the_hours(clipped, trades):
    assert list(trades_before(clipped, NOW, NOW))[::-1] == trades


def test_a_minute_that_an_edge_cuts_is_made_of_its_trades_inside(clipped, trades):
    for edge in (START, PAUSE, END):
        minute = edge // MINUTE * MINUTE
        inside = [one for one in trades if minute <= one.time < minute + MINUTE]
        found, made = clipped.at(ONE_MINUTE, minute), candle_of(minute, inside) if inside else None
        # Sums of parts and of the whole differ in the last bit, from Python 3.12 on.
        assert found == (made and pytest.approx(made, rel=1e-14))
    assert clipped.at(ONE_MINUTE, START - MINUTE) is None
    after = START // MINUTE * MINUTE + MINUTE
    assert clipped.at(ONE_MINUTE, after) == WHOLE.at(ONE_MINUTE, after)


@pytest.mark.parametrize("name", ["5m", "1h", "4h", "1d", "1w", "1M"])
def test_coarse_candles_add_up_the_minutes_that_are_left(clipped, name):
    width = WIDTHS[name]
    minutes = clipped.page(ONE_MINUTE, NOW, 10_000)
    page = clipped.page(width, NOW, 10_000)
    starts = sorted({width.floor(minute.time) for minute in minutes})
    assert [candle.time for candle in page] == starts
    for candle in page:
        parts = [one for one in minutes if width.floor(one.time) == candle.time]
        whole = merged(candle.time, parts)
        assert candle[:5] == whole[:5]
        assert candle.last == whole.last
        assert candle[5:7] == pytest.approx(whole[5:7], rel=1e-9)


def test_a_page_looks_over_closed_time_and_ends_at_the_first_hour(clipped):
    page = clipped.page(ONE_MINUTE, NOW, 10_000)
    assert page[0].time == START // MINUTE * MINUTE
    assert page[-1].time == END // MINUTE * MINUTE
    assert clipped.page(ONE_MINUTE, START - MINUTE, 5) == []
    assert clipped.page(ONE_MINUTE, NOW, 3) == page[-3:]


def test_what_shows_at_a_moment_is_never_later_than_the_end(clipped):
    newest = candle_page(clipped, WIDTHS["1h"], NOW, 1, NOW)[0]
    assert newest.time == END // WIDTHS["1h"].ms * WIDTHS["1h"].ms
    assert newest.last < END


def test_extremes_are_those_of_the_days_left(clipped):
    days = clipped.page(WIDTHS["1d"], NOW, 10)
    found = clipped.extremes(END - 364 * DAY, NOW)
    assert found.high == max(day.high for day in days)
    assert found.low == min(day.low for day in days)
    assert clipped.extremes(START - 5 * DAY, START - 4 * DAY) is None
