"""When a counted window has what was asked for."""

from __future__ import annotations

import sys

import polars as pl
import pytest

from marketkit.coverage import Span, Spans
from marketkit.data.fetch.enough import is_enough, is_full, reach
from marketkit.exchange.dialect import Page
from marketkit.schema import TIME
from marketkit.timeframe import DAY, HOUR, parse_time
from marketkit.window import read_window
from tests.unit.data.lake.conftest import make_candles

MIDNIGHT = parse_time("2026-11-19T15:00")  # in Seoul
NOW = MIDNIGHT + 6 * HOUR


def hours(first: int, last: int, step: int = 1) -> pl.Series:
    return pl.Series([MIDNIGHT + each * HOUR for each in range(first, last, step)]).cast(TIME)


def window(count, timeframe="1h", **more):
    return read_window(timeframe, None, None, count, **more).narrow(NOW)


def days(count, **more):
    return window(count, "1d", session="00:00 Asia/Seoul", **more)


def enough(wanted, times, first, settled=Spans(), last=6):  # noqa: B008
    span = Span(MIDNIGHT + first * HOUR, MIDNIGHT + last * HOUR)
    return is_enough(wanted, times, settled, span, NOW)


def test_one_more_than_is_wanted_is_asked_for_where_the_newest_may_be_forming():
    assert reach(window(5)) == 6
    assert reach(window(5, forming=True)) == 5
    assert reach(days(5)) == reach(days(5, forming=True)) == 6
    assert reach(window(None)) == sys.maxsize


def test_the_exchanges_own_candles_are_counted():
    assert enough(window(5), hours(0, 6), 0)
    assert not enough(window(5), hours(1, 6), 0)
    assert enough(window(5, forming=True), hours(1, 6), 0)


def test_a_filled_window_counts_proved_slots_and_young_rows():
    filled = window(5, fill="forward")
    assert enough(filled, hours(0, 6, 5), 0, Spans([(MIDNIGHT, MIDNIGHT + 5 * HOUR)]))
    assert not enough(filled, hours(0, 6, 5), 0, Spans([(MIDNIGHT, MIDNIGHT + 4 * HOUR)]))


@pytest.mark.parametrize("step", [1, 7])
def test_days_are_counted_by_those_that_traded_however_often(step):
    assert enough(days(2), hours(-48, 6, step), -48)
    assert not enough(days(3), hours(-48, 6, step), -48)
    assert enough(days(3, forming=True), hours(-48, 6, step), -48)


def test_a_day_whose_beginning_is_missing_does_not_count():
    assert not enough(days(2), hours(-47, 6), -47)
    assert enough(days(1), hours(-47, 6), -47)


def test_a_filled_day_needs_no_trade():
    filled = days(2, fill="null")
    assert enough(filled, hours(0, 0), -48)
    assert not enough(filled, hours(0, 0), -47)


def test_an_end_in_the_past_has_no_forming_day():
    wanted = read_window("1d", None, "2026-11-18T15:00", 2, session="00:00 Asia/Seoul").narrow(NOW)
    assert wanted.end == MIDNIGHT - DAY
    assert enough(wanted, hours(-72, -24), -72, last=-24)


def test_pages_are_full_when_the_newest_that_are_wanted_lie_in_them():
    slots = Spans([(MIDNIGHT, MIDNIGHT + 6 * HOUR)])
    page = Page(make_candles(hours(0, 6).cast(pl.Int64)), slots)
    end = MIDNIGHT + 6 * HOUR
    assert is_full(window(5), [page], end, NOW)
    assert not is_full(window(6), [page], end, NOW)
    assert not is_full(days(1), [page], end, NOW)
