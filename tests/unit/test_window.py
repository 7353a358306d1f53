"""Which candles a call means."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from marketkit.errors import InputError, InvalidRange, UnknownTimeframe
from marketkit.timeframe import DAY, HOUR, MINUTE, TIMEFRAMES, parse_time
from marketkit.window import Window, read_window

NOW = parse_time("2025-06-10T12:34")


def test_a_range_is_read_as_milliseconds():
    window = read_window("240m", "2025-01-01", datetime(2025, 1, 2, tzinfo=UTC), None, fill="null")
    start = parse_time("2025-01-01")
    assert window == Window(TIMEFRAMES["4h"], start, start + DAY, None, fill="null")


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        (("1x", None, None, 1), UnknownTimeframe),
        (("1m", "2025-01-02", "2025-01-01", None), InvalidRange),
        (("1m", None, None, 0), InvalidRange),
        (("1m", None, None, True), InvalidRange),
        (("1m", "2025-01-01", None, 5), InvalidRange),
    ],
)
def test_what_makes_no_sense_is_refused(asked, error):
    with pytest.raises(error):
        read_window(*asked)


def test_a_session_needs_hours():
    with pytest.raises(InputError):
        read_window("5m", None, None, 5, session="00:00 Asia/Seoul")


def test_the_exchanges_own_candles_are_asked_for_as_they_are():
    window = read_window("1d", None, None, 5)
    assert window.narrow(NOW) is window


def test_a_session_asks_for_the_narrow_candles_of_its_slots():
    window = read_window(
        "1d", "2025-06-01", "2025-06-03", None, session="00:00 Asia/Seoul", fill="forward"
    )
    start = parse_time("2025-06-01T15:00")
    narrow = window.narrow(NOW)
    hours = TIMEFRAMES["1h"]
    assert narrow == Window(hours, start, start + 2 * DAY, None, forming=True, fill="forward")


def test_an_open_end_stays_open():
    window = read_window("1d", "2025-06-01", None, None, session="09:30 America/New_York")
    narrow = window.narrow(NOW)
    assert (narrow.timeframe.name, narrow.end) == ("30m", None)
    assert narrow.start == parse_time("2025-06-01T13:30")


def test_counted_slots_are_covered_by_the_narrow_ones_that_are_counted():
    narrow = read_window("1M", None, None, 3, session="00:00 Asia/Seoul").narrow(NOW)
    assert narrow.start is None
    assert narrow.count is not None
    assert narrow.count * HOUR >= 5 * 31 * DAY


def test_a_window_without_bounds_is_narrowed_too():
    window = read_window("1h", None, None, None, session="00:01 UTC")
    narrow = window.narrow(NOW)
    assert (narrow.timeframe.width, narrow.start, narrow.end) == (MINUTE, None, None)
