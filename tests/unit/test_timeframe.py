"""Slots of all thirteen widths agree with a calendar walked day by day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from marketkit.coverage import Spans
from marketkit.errors import InputError, InvalidRange, UnknownTimeframe
from marketkit.frames import wider
from marketkit.timeframe import (
    EVERY,
    HOUR,
    MADE,
    MINUTE,
    SECOND,
    TIMEFRAMES,
    Timeframe,
    is_relative,
    iso,
    narrower,
    parse_duration,
    parse_time,
    parse_timeframe,
    timeframe_of_token,
)

calm = settings(deadline=None)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLI = timedelta(milliseconds=1)
DAY = timedelta(days=1)
WITHIN_A_DAY = {
    "1s": timedelta(seconds=1),
    "1m": timedelta(minutes=1),
    "3m": timedelta(minutes=3),
    "5m": timedelta(minutes=5),
    "10m": timedelta(minutes=10),
    "15m": timedelta(minutes=15),
    "30m": timedelta(minutes=30),
    "1h": timedelta(hours=1),
    "4h": timedelta(hours=4),
}
OPENS_A_SLOT = {
    "1d": lambda _: True,
    "1w": lambda day: day.weekday() == 0,
    "1M": lambda day: day.day == 1,
    "1y": lambda day: (day.month, day.day) == (1, 1),
}
NAMES = [*WITHIN_A_DAY, *OPENS_A_SLOT]
AT_THE_EDGES = [
    datetime(1969, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC),
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(1970, 1, 4, 23, 59, 59, tzinfo=UTC),
    datetime(1999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC),
    datetime(2000, 2, 29, 12, tzinfo=UTC),
    datetime(2100, 2, 28, 23, 59, tzinfo=UTC),
    datetime(2100, 3, 1, tzinfo=UTC),
    datetime(2023, 12, 31, tzinfo=UTC),
    datetime(2024, 2, 29, 23, 59, 59, 999_000, tzinfo=UTC),
    datetime(2024, 12, 30, tzinfo=UTC),
    datetime(2025, 9, 1, tzinfo=UTC),
]
moments = st.one_of(
    st.sampled_from(AT_THE_EDGES),
    st.datetimes(datetime(1900, 1, 1), datetime(2150, 1, 1)).map(  # noqa: DTZ001 - zone added
        lambda naive: naive.replace(microsecond=naive.microsecond // 1000 * 1000, tzinfo=UTC)
    ),
)
names = st.sampled_from(NAMES)


def ms(moment):
    """Milliseconds since 1970, by integer division of timedeltas."""
    return (moment - EPOCH) // MILLI


def oracle_floor(name, moment):
    """Step back from the moment's midnight to the day (or within it) that opens the slot."""
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    if name in WITHIN_A_DAY:
        width = WITHIN_A_DAY[name]
        return midnight + (moment - midnight) // width * width
    while not OPENS_A_SLOT[name](midnight):
        midnight -= DAY
    return midnight


def oracle_next(name, moment):
    """Step on from the slot's start to the next one."""
    start = oracle_floor(name, moment)
    if name in WITHIN_A_DAY:
        return start + WITHIN_A_DAY[name]
    start += DAY
    while not OPENS_A_SLOT[name](start):
        start += DAY
    return start


def oracle_previous(name, moment):
    """The slot that holds the last millisecond before this one."""
    return oracle_floor(name, oracle_floor(name, moment) - MILLI)


def test_there_are_thirteen_widths_and_the_oracle_knows_each():
    assert list(TIMEFRAMES) == NAMES
    assert len(NAMES) == 13


@calm
@given(names, moments)
def test_floor_is_the_start_of_the_slot_that_holds_the_moment(name, moment):
    assert TIMEFRAMES[name].floor(ms(moment)) == ms(oracle_floor(name, moment))


@calm
@given(names, moments)
def test_ceil_is_the_moment_itself_on_a_start_and_else_the_next_start(name, moment):
    start = oracle_floor(name, moment)
    expected = start if start == moment else oracle_next(name, moment)
    assert TIMEFRAMES[name].ceil(ms(moment)) == ms(expected)
    assert TIMEFRAMES[name].ceil(ms(start)) == ms(start)


@calm
@given(names, moments)
def test_next_and_previous_are_the_neighbouring_slots(name, moment):
    timeframe = TIMEFRAMES[name]
    assert timeframe.next(ms(moment)) == ms(oracle_next(name, moment))
    assert timeframe.previous(ms(moment)) == ms(oracle_previous(name, moment))


@calm
@given(names, moments, st.integers(-25, 25))
def test_shift_is_next_or_previous_so_many_times(name, moment, slots):
    step = oracle_next if slots > 0 else oracle_previous
    expected = oracle_floor(name, moment)
    for _ in range(abs(slots)):
        expected = step(name, expected)
    assert TIMEFRAMES[name].shift(ms(moment), slots) == ms(expected)


@calm
@given(names, moments, st.integers(0, 20), st.integers(0, 999), st.integers(0, 999))
def test_count_is_the_number_of_slot_starts_in_the_range(name, moment, slots, before, after):
    inside = []
    at = oracle_floor(name, moment)
    for _ in range(slots):
        inside.append(at)
        at = oracle_next(name, at)
    timeframe = TIMEFRAMES[name]
    # Less than a second more before and after brings in no further start of any width.
    assert timeframe.count(ms(oracle_floor(name, moment)) - before, ms(at) - after) == len(inside)


@calm
@given(names, moments, moments)
def test_count_never_is_negative_and_splits_anywhere(name, one, other):
    timeframe = TIMEFRAMES[name]
    early, late = sorted((ms(one), ms(other)))
    middle = (early + late) // 2
    assert timeframe.count(late, early) == 0
    assert timeframe.count(early, late) == (
        timeframe.count(early, middle) + timeframe.count(middle, late)
    )


@pytest.mark.parametrize(
    ("name", "start", "end", "slots"),
    [
        ("1m", "2025-09-01", "2025-10-01", 43_200),
        ("1s", "2025-09-01", "2025-09-02", 86_400),
        ("1d", "2024-01-01", "2025-01-01", 366),
        ("1d", "1900-01-01", "1901-01-01", 365),
        ("1w", "2024-01-01", "2025-01-01", 53),
        ("1w", "2023-01-01", "2024-01-01", 52),
        ("1M", "2017-10-01", "2025-10-01", 96),
        ("1M", "2025-01-31", "2025-03-31", 2),
        ("1y", "1965-01-01", "2025-06-01", 61),
        ("4h", "2024-02-28", "2024-03-01", 12),
    ],
)
def test_spans_that_can_be_counted_by_hand(name, start, end, slots):
    assert TIMEFRAMES[name].count(parse_time(start), parse_time(end)) == slots


def test_weeks_start_on_monday_midnight_utc_also_before_1970():
    week = TIMEFRAMES["1w"]
    for moment in (
        parse_time("1969-12-31"),
        parse_time("2026-03-11T14:40"),
        parse_time("1970-01-01"),
    ):
        start = EPOCH + timedelta(milliseconds=week.floor(moment))
        assert (start.weekday(), start.hour, start.minute, start.second) == (0, 0, 0, 0)


def test_the_width_is_the_shortest_slot():
    for name, timeframe in TIMEFRAMES.items():
        at = datetime(2023, 1, 1, tzinfo=UTC)
        shortest = min(
            oracle_next(name, start) - start
            for start in (oracle_floor(name, at + 27 * DAY * step) for step in range(60))
        )
        assert timeframe.width == shortest // MILLI


def test_tokens_on_disk_differ_even_where_case_is_ignored():
    tokens = [timeframe.token for timeframe in TIMEFRAMES.values()]
    assert len({token.casefold() for token in tokens}) == 13
    assert all(timeframe_of_token(each.token) is each for each in TIMEFRAMES.values())
    assert timeframe_of_token("1m") is None
    assert timeframe_of_token("1MIN") is None


def test_a_minute_never_is_a_month():
    minute, month = parse_timeframe("1m"), parse_timeframe("1M")
    assert minute != month
    assert minute.width == 60_000
    assert month.width == 28 * 86_400_000
    assert minute.token.casefold() != month.token.casefold()


@pytest.mark.parametrize("name", NAMES)
def test_a_timeframe_reads_back_from_its_name_and_from_itself(name):
    timeframe = parse_timeframe(name)
    assert timeframe is TIMEFRAMES[name]
    assert str(timeframe) == timeframe.name == name
    assert parse_timeframe(timeframe) is timeframe


@pytest.mark.parametrize(("alias", "name"), [("60m", "1h"), ("240m", "4h")])
def test_long_minutes_mean_hours(alias, name):
    assert parse_timeframe(alias) is TIMEFRAMES[name]


@pytest.mark.parametrize(
    "bad", ["", "2m", "1H", "1D", "1W", "1Y", "60M", "minute", "1 m", " 1m", "1mo", "1min"]
)
def test_an_unknown_name_is_refused_and_the_known_ones_are_listed(bad):
    with pytest.raises(UnknownTimeframe) as caught:
        parse_timeframe(bad)
    assert repr(bad) in str(caught.value)
    assert "1s 1m 3m 5m 10m 15m 30m 1h 4h 1d 1w 1M 1y" in str(caught.value)


@pytest.mark.parametrize(
    ("typed", "meant"), [("1min", "'1m'"), ("15min", "'15m'"), ("30", "'30m'"), ("1mo", "'1M'")]
)
def test_an_unknown_name_gives_the_nearest(typed, meant):
    with pytest.raises(UnknownTimeframe, match="did you mean") as caught:
        parse_timeframe(typed)
    assert meant in str(caught.value)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        *((each, "1d") for each in ("day", "days", "Day", "1D", "daily", "24h", "1 day")),
        *((each, "1m") for each in ("minute1", "minutes/1", "1T", "1Min", "minute", "1 m")),
        *((each, "1h") for each in ("minute60", "60", 60, "1H", "hour", "60min", "1hour")),
        *((each, "4h") for each in ("minute240", "240", "4H")),
        *((each, "1w") for each in ("week", "1W", "7d", "weeks")),
        *((each, "1M") for each in ("month", "months", "1mo", "30d", "1ME")),
        *((each, "1y") for each in ("year", "1Y", "365d")),
        *((each, "1s") for each in ("second", "seconds", "1S", "sec")),
    ],
)
def test_a_width_of_another_library_is_answered_with_ours(typed, meant):
    with pytest.raises(UnknownTimeframe, match=f"did you mean '{meant}'"):
        parse_timeframe(typed)


@pytest.mark.parametrize("typed", ["5h", "7m", "100", "0", "now", "True"])
def test_a_width_that_nobody_has_is_given_no_meaning(typed):
    with pytest.raises(UnknownTimeframe) as caught:
        parse_timeframe(typed)
    assert "one of 1s" in str(caught.value)


@pytest.mark.parametrize(
    ("typed", "before"),
    [("-30d", 720 * HOUR), ("-12h", 12 * HOUR), ("-90m", 90 * MINUTE), ("-2w", 336 * HOUR),
     ("-1y", 8_760 * HOUR), ("-5s", 5 * SECOND), (" -1d ", 24 * HOUR)],
)  # fmt: skip
def test_a_time_may_count_back_from_now(typed, before):
    now = parse_time("2026-11-20T00:00:30Z")
    assert is_relative(typed)
    assert parse_time(typed, now) == now - before


def test_nothing_counts_back_beyond_1970_nor_without_a_now():
    assert parse_time("-999999y", parse_time("2026-11-20")) == 0
    with pytest.raises(InvalidRange):
        parse_time("-30d")


@pytest.mark.parametrize(
    "typed", ["30d", "12h", "-30", "-1M", "--1d", "-d", "-0.5d", "now", 5, None]
)
def test_other_words_do_not_count_back(typed):
    assert not is_relative(typed)
    with pytest.raises(InvalidRange):
        parse_time(typed, parse_time("2026-11-20"))


def test_a_length_of_time_is_answered_with_its_minus():
    with pytest.raises(InvalidRange, match="write '-30d'"):
        parse_time("30d")


@pytest.mark.parametrize(
    "bad", [None, 1, 60, True, 1.5, b"1m", ["1m"], ("1m",), timedelta(minutes=1)]
)
def test_what_is_no_string_is_no_timeframe(bad):
    with pytest.raises(UnknownTimeframe):
        parse_timeframe(bad)


def test_timeframes_are_values():
    same = Timeframe("1m", "1min", 60_000)
    assert same == TIMEFRAMES["1m"]
    assert hash(same) == hash(TIMEFRAMES["1m"])
    with pytest.raises(AttributeError):
        same.width = 1


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("1970-01-01", 0),
        ("2025-09-01", 1_756_684_800_000),
        ("2025-09-01T00:00:00", 1_756_684_800_000),
        ("2025-09-01 00:00", 1_756_684_800_000),
        ("2025-09-01T00:00:00Z", 1_756_684_800_000),
        ("2025-09-01T09:00:00+09:00", 1_756_684_800_000),
        ("2025-08-31T20:00:00-04:00", 1_756_684_800_000),
        ("2025-09-01T00:00:00.123Z", 1_756_684_800_123),
        ("2025-09-01T00:00:00.123999Z", 1_756_684_800_123),
        ("20250901T000000Z", 1_756_684_800_000),
        ("1969-12-31T23:59:59.999Z", -1),
        (date(2025, 9, 1), 1_756_684_800_000),
        (date(1969, 12, 31), -86_400_000),
        (datetime(2025, 9, 1, tzinfo=UTC), 1_756_684_800_000),
        (datetime(2025, 9, 1, 9, tzinfo=timezone(timedelta(hours=9))), 1_756_684_800_000),
        (datetime(2025, 9, 1, 9, tzinfo=ZoneInfo("Asia/Seoul")), 1_756_684_800_000),
    ],
)
def test_a_moment_is_read_as_milliseconds_utc(typed, expected):
    assert parse_time(typed) == expected


def test_a_time_without_offset_is_utc_whatever_the_clock_of_this_machine(monkeypatch):
    monkeypatch.setenv("TZ", "America/New_York")
    assert parse_time("2025-03-09T02:30:00") == parse_time("2025-03-09T02:30:00+00:00")
    assert parse_time("2025-11-02T01:30:00") - parse_time("2025-11-02T00:30:00") == 3_600_000


def test_both_halves_of_a_repeated_hour_are_told_apart():
    zone = ZoneInfo("America/New_York")
    first = datetime(2025, 11, 2, 1, 30, tzinfo=zone)
    assert parse_time(first.replace(fold=1)) - parse_time(first) == 3_600_000


def test_a_naive_datetime_is_refused_with_a_way_out():
    with pytest.raises(InvalidRange, match=r"naive.*2025-09-01T00:00:00\+00:00"):
        parse_time(datetime(2025, 9, 1))  # noqa: DTZ001 - naive is the point


@pytest.mark.parametrize(
    "bad", [True, False, 0, 1_756_684_800_000, 1.5, None, b"2025-09-01", [], "", "now", "2025-13-01",
            "2025-02-30", "01.09.2025", "2025-09-01T25:00", "yesterday", "1756684800"]
)  # fmt: skip
def test_what_is_no_time_is_refused_as_bad_input(bad):
    with pytest.raises(InvalidRange, match="cannot read") as caught:
        parse_time(bad)
    assert isinstance(caught.value, InputError)
    assert isinstance(caught.value, ValueError)


def test_no_time_of_pandas_is_refused():
    pandas = pytest.importorskip("pandas")
    with pytest.raises(InvalidRange):
        parse_time(pandas.NaT)
    assert parse_time(pandas.Timestamp("2025-09-01", tz="Asia/Seoul")) == parse_time(
        "2025-08-31T15:00Z"
    )


@calm
@given(moments)
@example(datetime(1969, 12, 31, 23, 59, 59, 1_000, tzinfo=UTC))
def test_iso_reads_back_to_the_same_millisecond(moment):
    time = ms(moment)
    assert parse_time(iso(time)) == time
    assert iso(time).endswith("Z")


def test_iso_leaves_out_milliseconds_that_are_zero():
    assert iso(0) == "1970-01-01T00:00:00Z"
    assert iso(-1) == "1969-12-31T23:59:59.999Z"
    assert iso(1_756_684_800_050) == "2025-09-01T00:00:00.050Z"


@pytest.mark.parametrize("name", NAMES)
def test_the_last_day_of_the_calendar_is_counted_or_refused_as_bad_input(name):
    try:
        slots = TIMEFRAMES[name].count(parse_time("9998-01-01"), parse_time("9999-12-31"))
    except InputError:
        return
    assert slots > 0


@pytest.mark.parametrize(
    ("name", "every"), [("1m", "1m"), ("1w", "1w"), ("1M", "1mo"), ("1y", "1y"), ("1s", "1s")]
)
def test_polars_calls_a_month_otherwise_than_callers_do(name, every):
    assert TIMEFRAMES[name].every == every


def test_only_months_and_years_differ_in_length():
    assert [each.name for each in TIMEFRAMES.values() if each.is_calendar] == ["1M", "1y"]


def test_slots_of_several_spans_are_counted_together():
    assert TIMEFRAMES["1h"].count_all([(0, 3 * HOUR), (5 * HOUR + 1, 7 * HOUR)]) == 4
    assert TIMEFRAMES["1h"].count_all([]) == 0


def test_the_whole_slots_of_a_span_leave_its_torn_ends_out():
    hour = TIMEFRAMES["1h"]
    assert list(hour.whole([(1, 3 * HOUR + 1)])) == [(HOUR, 3 * HOUR)]
    assert not Spans(hour.whole([(1, HOUR - 1)]))


@pytest.mark.parametrize(
    ("duration", "seconds"), [("30m", 1800), ("12h", 43_200), ("1d", 86_400), ("2w", 1_209_600)]
)
def test_a_length_of_time_is_a_number_and_a_unit(duration, seconds):
    assert parse_duration(duration) == seconds * 1000


@pytest.mark.parametrize("duration", ["", "d", "1", "1x", "-1d", "0h", "1 d", "1.5h", 7, None])
def test_another_length_of_time_is_refused(duration):
    with pytest.raises(InputError, match="expected one such as 30s, 5m, 2h, 7d"):
        parse_duration(duration)


def test_the_widest_candles_that_fit_come_first():
    assert [each.name for each in narrower(TIMEFRAMES["1m"])] == ["1s"]
    assert [each.name for each in narrower(TIMEFRAMES["10m"])] == ["5m", "1m", "1s"]
    assert [each.name for each in narrower(TIMEFRAMES["1h"])][:3] == ["30m", "15m", "10m"]
    assert [each.name for each in narrower(TIMEFRAMES["1w"])][:2] == ["1d", "4h"]
    assert [each.name for each in narrower(TIMEFRAMES["1M"])][:2] == ["1d", "4h"]
    assert [each.name for each in narrower(TIMEFRAMES["1y"])][:2] == ["1M", "1d"]
    assert [each.name for each in narrower(TIMEFRAMES["1s"])] == []


@pytest.mark.parametrize("name", ["1m", "5m", "1h", "1d", "1w", "1M", "1y"])
def test_slots_of_a_wider_timeframe_are_told_from_narrow_ones(name):
    width = TIMEFRAMES[name]
    times = [width.shift(parse_time("2024-01-01"), step) for step in range(40)]
    assert wider(TIMEFRAMES["1s"], times) == width
    assert wider(width, times) is None


def test_few_slots_are_of_a_wider_timeframe_by_chance():
    hours = TIMEFRAMES["1h"]
    assert wider(hours, [0, 4 * HOUR, 8 * HOUR]) is None
    assert wider(hours, [0]) is None
    assert wider(hours, []) is None


@pytest.mark.parametrize(
    ("name", "base"), [("2h", "1h"), ("6h", "1h"), ("8h", "1h"), ("12h", "1h"), ("3d", "1d")]
)
def test_a_made_width_is_named_only_where_made_ones_will_do(name, base):
    width = parse_timeframe(name, made=True)
    assert width is parse_timeframe(width, made=True) is MADE[name]
    assert (width.made_of, next(narrower(width)).name) == (base, base)
    for spelt in (name, width):
        with pytest.raises(UnknownTimeframe, match=f"no {name} candles: fetch and keep {base}"):
            parse_timeframe(spelt)


def test_no_width_of_the_exchange_is_made_and_all_sort_by_width():
    assert not any(each.made_of for each in TIMEFRAMES.values())
    assert {each.name for each in EVERY} == {*TIMEFRAMES, *MADE}
    assert [each.width for each in EVERY] == sorted(each.width for each in EVERY)
    with pytest.raises(UnknownTimeframe, match="did you mean '12h'"):
        parse_timeframe("720")
