"""Which candles a call means."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from marketkit.errors import InputError, InvalidRange, UnknownTimeframe
from marketkit.timeframe import DAY, MINUTE, TIMEFRAMES, parse_time
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
    plain = Window(hours, start, start + 2 * DAY, None, forming=True, fill="forward")
    assert narrow == replace(plain, into=window)


def test_an_open_end_stays_open():
    window = read_window("1d", "2025-06-01", None, None, session="09:30 America/New_York")
    narrow = window.narrow(NOW)
    assert (narrow.timeframe.name, narrow.end) == ("30m", None)
    assert narrow.start == parse_time("2025-06-01T13:30")


def test_counted_slots_reach_back_by_slots_of_the_session():
    narrow = read_window("1M", None, None, 3, session="00:00 Asia/Seoul").narrow(NOW)
    assert (narrow.start, narrow.count, narrow.wanted) == (None, None, 3)
    assert narrow.back(NOW, 3) == parse_time("2025-03-31T15:00")
    assert narrow.ceil(parse_time("2025-03-31T15:01")) == parse_time("2025-04-30T15:00")


def test_the_exchanges_own_slots_reach_back_by_themselves():
    window = read_window("1h", None, None, 3)
    assert window.wanted == 3
    assert window.back(NOW, 3) == parse_time("2025-06-10T09:00")
    assert window.ceil(NOW) == parse_time("2025-06-10T13:00")
    assert window.back(NOW, 10**9) == 0


def test_the_widest_candles_that_fit_are_asked_for():
    for session, base in [("13:00 Asia/Seoul", "4h"), ("17:00 America/Phoenix", "1d")]:
        narrow = read_window("1w", None, None, 3, session=session).narrow(NOW)
        assert narrow.timeframe.name == base


def test_a_zone_whose_days_came_to_be_the_exchanges_asks_for_the_exchanges():
    window = read_window("1d", None, None, 3, session="05:00 Asia/Almaty")  # +05:00 since 2024-03
    assert window.session is not None
    narrow = window.narrow(NOW)
    assert (narrow.timeframe.name, narrow.session, narrow.into) == ("1d", None, None)


def test_other_days_than_the_exchanges_cannot_be_its_own():
    assert read_window("1d", None, None, 3, session="09:00 +09:00", derive=False).session is None
    with pytest.raises(InputError, match="no 1d candles that begin at 10:00 Asia/Seoul"):
        read_window("1d", None, None, 3, session="10:00 Asia/Seoul", derive=False)


def test_a_window_without_bounds_is_narrowed_too():
    window = read_window("1h", None, None, None, session="00:01 UTC")
    narrow = window.narrow(NOW)
    assert (narrow.timeframe.width, narrow.start, narrow.end) == (MINUTE, None, None)
