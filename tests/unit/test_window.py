"""Which candles a call means, and where days begin."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from marketkit.errors import InputError, InvalidRange, UnknownTimeframe
from marketkit.timeframe import DAY, HOUR, MINUTE, TIMEFRAMES, parse_time
from marketkit.window import Window, check_count, parse_session, read_window, window_of

NOW = parse_time("2025-06-10T12:34")
ONE_DAY = TIMEFRAMES["1d"]


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


def edges(text: str, timeframe: str, start: str, end: str) -> list[int]:
    width = TIMEFRAMES[timeframe]
    return parse_session(text, width).edges(width, parse_time(start), parse_time(end))


def local(text: str, timeframe: str, start: str, end: str) -> list[str]:
    zone = ZoneInfo(text.split()[1])
    found = edges(text, timeframe, start, end)
    return [f"{datetime.fromtimestamp(each // 1000, zone):%m-%d %H:%M}" for each in found]


def test_the_exchanges_own_days_are_no_session_for_any_width():
    assert all(parse_session("00:00 UTC", each) is None for each in TIMEFRAMES.values())


@pytest.mark.parametrize(
    "text",
    [
        *("", "UTC", "0:00 UTC", "00:60 UTC", "00:00 Mars/Base", "00:00 ", 5),
        *("00:00 +24:00", "00:00 +09:60", "09:00Asia/Seoul", "00:00  UTC"),
    ],
)
def test_what_is_no_time_of_day_in_a_zone_is_refused(text):
    with pytest.raises(InputError, match="session="):
        parse_session(text, ONE_DAY)


@pytest.mark.parametrize("timeframe", ["1m", "1h", "4h", "1d", "1w", "1M", "1y"])
@pytest.mark.parametrize(
    "text",
    [
        *("09:00 Asia/Seoul", "09:00 Asia/Tokyo", "08:00 Asia/Singapore", "00:00 Etc/UTC"),
        *("09:00 +09:00", "09:00+09:00", "09:00 +09", "09:00 UTC+9", "00:00 Z", "00:00Z"),
        *("19:00 +1900", "00:00 -00:00", "14:00 Pacific/Kiritimati"),
    ],
)
def test_every_spelling_of_the_exchanges_day_is_no_session(text, timeframe):
    assert parse_session(text, TIMEFRAMES[timeframe]) is None


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("13:00 Asia/Seoul", ["1h", "4h"]),
        ("00:00 America/New_York", ["1h"]),
        ("00:00 Europe/London", ["1h", "1y"]),
        ("17:00 America/Phoenix", ["1h", "4h", "1d"]),  # the next day has begun: weeks differ
        ("09:30 +09:00", []),
    ],
)
def test_slots_that_begin_with_the_exchanges_are_no_session(text, own):
    found = [each.name for each in TIMEFRAMES.values() if each.width >= HOUR]
    assert [each for each in found if parse_session(text, TIMEFRAMES[each]) is None] == own


@pytest.mark.parametrize(
    ("timeframe", "moment", "edge"),
    [
        ("1d", "2025-03-31T15:01", "2025-04-01T15:00"),
        ("1w", "2025-03-30T15:01", "2025-04-06T15:00"),
        ("1M", "2025-03-31T15:01", "2025-04-30T15:00"),
        ("1y", "2024-12-31T15:01", "2025-12-31T15:00"),
    ],
)
def test_the_next_edge_is_found_when_it_is_the_next_day_here_only(timeframe, moment, edge):
    width = TIMEFRAMES[timeframe]
    found = parse_session("00:00 Asia/Seoul", width).ceil(width, parse_time(moment))
    assert found == parse_time(edge)


def test_an_edge_is_found_from_any_moment_around_it():
    session = parse_session("09:30 America/New_York", ONE_DAY)
    noon = parse_time("2025-03-10T12:00")  # the clocks changed on the 9th
    assert session.ceil(ONE_DAY, noon) == parse_time("2025-03-10T13:30")
    assert session.ceil(ONE_DAY, session.ceil(ONE_DAY, noon)) == session.ceil(ONE_DAY, noon)
    assert session.back(ONE_DAY, noon, 1) == parse_time("2025-03-09T13:30")
    assert session.back(ONE_DAY, noon, 2) == parse_time("2025-03-08T14:30")
    assert session.back(TIMEFRAMES["1M"], noon, 3) == parse_time("2025-01-01T14:30")
    assert session.back(ONE_DAY, noon, 1_000_000) == 0


def test_widths_below_an_hour_have_no_session():
    with pytest.raises(InputError, match="not of 30m"):
        parse_session("00:00 Asia/Seoul", TIMEFRAMES["30m"])


def test_a_session_is_written_as_it_is_typed():
    for text in ("09:30 America/New_York", "09:30 UTC+09:00"):
        assert str(parse_session(text, ONE_DAY)) == text


def test_edges_reach_from_the_slot_that_holds_the_start_to_the_end():
    days = edges("00:00 Asia/Seoul", "1d", "2025-09-01T20:00", "2025-09-03T15:00")
    assert days == [parse_time(f"2025-09-0{day}T15:00") for day in (1, 2, 3)]
    exact = edges("00:00 Asia/Seoul", "1d", "2025-09-01T15:00", "2025-09-01T15:01")
    assert exact == [parse_time("2025-09-01T15:00"), parse_time("2025-09-02T15:00")]


def test_days_keep_their_time_of_day_when_clocks_change():
    days = edges("09:30 America/New_York", "1d", "2025-03-07T15:00", "2025-03-10T13:30")
    assert [right - left for left, right in itertools.pairwise(days)] == [
        24 * HOUR,
        23 * HOUR,
        24 * HOUR,
    ]


def test_a_longer_day_ends_in_a_shorter_slot():
    slots = local("00:00 America/New_York", "4h", "2025-11-02T04:00", "2025-11-03T05:00")
    clock = ["00:00", "03:00", "07:00", "11:00", "15:00", "19:00", "23:00"]
    assert slots == [*(f"11-02 {each}" for each in clock), "11-03 00:00"]


def test_a_day_whose_time_of_day_is_skipped_begins_when_it_would_have_been():
    days = local("00:00 Africa/Cairo", "1d", "2025-04-24T12:00", "2025-04-26T12:00")
    assert days == ["04-24 00:00", "04-25 01:00", "04-26 00:00", "04-27 00:00"]


@pytest.mark.parametrize(
    ("timeframe", "expected"),
    [
        ("1w", ["11-17 00:00", "11-24 00:00", "12-01 00:00"]),
        ("1M", ["11-01 00:00", "12-01 00:00"]),
        ("1y", ["01-01 00:00", "01-01 00:00"]),
    ],
)
def test_weeks_begin_on_monday_months_on_the_first(timeframe, expected):
    assert local("00:00 Asia/Seoul", timeframe, "2025-11-18", "2025-11-25") == expected


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("00:00 Asia/Seoul", "1h"),
        ("09:30 America/New_York", "30m"),
        ("00:00 Asia/Kathmandu", "15m"),
        ("09:20 Asia/Seoul", "10m"),
        ("00:00 Australia/Lord_Howe", "30m"),
        ("00:01 UTC", "1m"),
        ("08:00 UTC", "4h"),
        ("13:00 Asia/Seoul", "4h"),
        ("20:00 America/New_York", "1h"),  # midnight UTC, but only in summer
    ],
)
def test_the_widest_candles_with_the_same_edges_are_the_base(text, base):
    span = parse_time("2025-01-01"), parse_time("2026-01-01")
    assert parse_session(text, ONE_DAY).base(ONE_DAY, *span).name == base


@pytest.mark.parametrize("timeframe", ["1h", "4h", "1d", "1w", "1M", "1y"])
@pytest.mark.parametrize("zone", ["Asia/Seoul", "America/New_York", "Australia/Lord_Howe"])
def test_edges_of_a_part_are_those_of_the_whole(timeframe, zone):
    session, width = parse_session(f"07:45 {zone}", TIMEFRAMES[timeframe]), TIMEFRAMES[timeframe]
    start, end = parse_time("2023-01-01"), parse_time("2025-06-01")
    whole = session.edges(width, start, end)
    assert whole == sorted(set(whole))
    assert whole[0] <= start < whole[1]
    assert whole[-2] < end <= whole[-1]
    for left, right in itertools.pairwise(whole[:: max(1, len(whole) // 40)]):
        inside = [each for each in whole if left <= each <= right]
        assert session.edges(width, left, right) == inside
        assert session.edges(width, left + MINUTE, right - MINUTE) == inside


@pytest.mark.parametrize("count", [0, -1, True, 1.5, "ten", ""])
def test_a_count_is_a_whole_number_above_zero(count):
    with pytest.raises(InvalidRange, match="at least one"):
        check_count(count)


def test_a_count_in_quotes_is_answered_with_the_number():
    with pytest.raises(InvalidRange, match="write count=10, without quotes"):
        read_window("1m", None, None, "10")
    check_count(None)
    check_count(1)


def test_a_range_counts_back_from_the_moment_that_is_now():
    now = parse_time("2026-11-20T12:00:00Z")
    window = read_window("1h", "-1d", "-2h", None, now=now)
    assert (window.start, window.end) == (now - DAY, now - 2 * HOUR)
    assert window_of("-1h", None, now).start == now - HOUR
    with pytest.raises(InvalidRange, match="is not before"):
        read_window("1h", "-1d", "-2d", None, now=now)


def test_a_session_in_korean_time_is_answered_with_the_zone():
    with pytest.raises(InputError, match="write 09:00 Asia/Seoul"):
        read_window("1d", None, None, 1, session="09:00 KST")
