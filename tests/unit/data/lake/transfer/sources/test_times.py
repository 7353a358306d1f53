"""Times of any kind: one unit for all rows, no zone guessed, none before Upbit or after now."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from marketkit.data.lake.transfer.sources.times import read_times, refuse_outside
from marketkit.errors import InputError
from marketkit.timeframe import TIMEFRAMES, parse_time

NINE = datetime(2024, 1, 1, 9, tzinfo=UTC)
EPOCH = int(NINE.timestamp())


def read(*cells, tz=None, timeframe="1m", name="time", dtype=None):
    times = read_times(pl.Series(name, list(cells), dtype), tz, TIMEFRAMES[timeframe])
    assert times.dtype == pl.Datetime("ms", "UTC")
    return times.to_list()


@pytest.mark.parametrize("cell", [EPOCH, EPOCH * 10**3, EPOCH * 10**6, EPOCH * 10**9])
@pytest.mark.parametrize("kind", [int, str, float, lambda cell: f"{cell}.0"])
def test_the_unit_of_numbers_since_1970_is_found(cell, kind):
    assert read(kind(cell)) == [NINE]
    assert read(kind(cell), tz="Asia/Seoul") == [NINE]


@pytest.mark.parametrize("cell", [20240101, 202401010900, 20240101090000])
@pytest.mark.parametrize("kind", [int, str])
def test_dates_written_as_numbers_are_of_the_zone_that_is_said(cell, kind):
    hour = 9 if cell > 10**8 else 0
    assert read(kind(cell), tz="UTC") == [NINE.replace(hour=hour)]
    assert read(kind(cell), tz="Asia/Seoul") == [NINE.replace(hour=hour) - timedelta(hours=9)]
    with pytest.raises(InputError, match="carry no zone: say which it is"):
        read(kind(cell))


@pytest.mark.parametrize(
    ("cells", "match"),
    [
        ((EPOCH * 1000, EPOCH), f"row 2, column 'time': {EPOCH} is a time in s, .* in ms"),
        ((20240101, EPOCH), "row 2.* in s, and row 1 has 20240101, in yyyymmdd"),
        ((EPOCH, 7), "row 2, column 'time': 7 is no time"),
        ((0, 1, 2), "numbers its rows, 0 to 2: these are no times; say columns="),
        ((1, 2, 3), "numbers its rows"),
        ((5, 7), r"row 1, column 'time': 5 is no time \(in s ms us ns yyyymmdd"),
        ((20241301,), "'20241301', which is no time|20241301"),
        ((EPOCH + 0.5,), "fractions, not times"),
        ((EPOCH * 10**9 + 1,), "row 1.*between milliseconds"),
    ],
)
def test_numbers_of_no_or_of_two_units_are_refused_and_named(cells, match):
    with pytest.raises(InputError, match=match):
        read(*cells, tz="UTC")


@pytest.mark.parametrize("cell", ["2024-01-01T09:00:00", "2024-01-01 09:00"])
def test_times_without_a_zone_are_never_guessed(cell):
    with pytest.raises(InputError, match="carry no zone: say which it is, as in tz='UTC'"):
        read(cell)
    assert read(cell, tz="UTC") == [NINE]
    assert read(cell, tz="Asia/Seoul") == [NINE - timedelta(hours=9)]


@pytest.mark.parametrize("cell", ["2024-01-01", "20240101", date(2024, 1, 1)])
@pytest.mark.parametrize("tz", ["UTC", "Asia/Seoul"])
def test_a_daily_candle_of_a_date_is_the_one_that_starts_on_that_day(cell, tz):
    assert read(cell, tz=tz, timeframe="1d") == [NINE.replace(hour=0)]


def test_a_date_of_narrower_candles_is_midnight_there():
    assert read("2024-01-01", tz="Asia/Seoul") == [datetime(2023, 12, 31, 15, tzinfo=UTC)]


@pytest.mark.parametrize(
    ("name", "hour", "other"),
    [("candle_date_time_utc", 9, "Asia/Seoul"), ("candleDateTimeKst", 0, "UTC")],
)
def test_the_name_of_a_column_may_say_the_zone_and_none_may_contradict_it(name, hour, other):
    assert read("2024-01-01T09:00:00", name=name) == [NINE.replace(hour=hour)]
    with pytest.raises(InputError, match=f"not tz='{other}'"):
        read("2024-01-01T09:00:00", name=name, tz=other)


def test_an_hour_that_a_clock_shows_twice_is_refused_in_our_words():
    with pytest.raises(InputError, match=r"row 1.*America/New_York.*twice or never"):
        read("2024-11-03T01:30:00", tz="America/New_York")


@pytest.mark.parametrize("cell", ["yesterday", "09:00", "2024-13-01", "1704099600.5", "true"])
def test_what_is_no_time_is_shown_with_its_row(cell):
    with pytest.raises(InputError, match=f"row 2, column 'time' holds '{cell}'"):
        read("2024-01-01T09:00:00Z", cell)


def test_what_is_no_time_in_any_form_is_told_of_one_that_is():
    with pytest.raises(
        InputError, match="holds '01/02/2024', which is no time such as 2024-01-01T"
    ):
        read("01/02/2024")
    with pytest.raises(InputError, match="no time like the others"):
        read("2024-01-01T09:00:00Z", "2024-01-01T09:00:00")


@pytest.mark.parametrize("cells", [[True], [b"x"], [timedelta(1)]])
def test_other_types_are_no_times(cells):
    with pytest.raises(InputError, match="no times"):
        read(*cells)


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_types_of_times_are_taken_as_they_are(unit):
    seoul = pl.Series([NINE]).dt.convert_time_zone("Asia/Seoul").dt.cast_time_unit(unit)
    assert read(*seoul, dtype=seoul.dtype) == [NINE]


def test_empty_cells_are_null_and_need_no_zone():
    assert read(None, None) == [None, None]
    assert read("", dtype=pl.String) == [None]
    assert read(float("nan"), float(EPOCH)) == [None, NINE]


NOW = parse_time("2024-06-01T00:00:00Z")


def outside(*times, zoned=False):
    refuse_outside(pl.Series("t", list(times)).dt.cast_time_unit("ms"), NOW, zoned=zoned)


def test_a_time_lies_between_2017_and_now():
    outside(datetime(2017, 9, 25, tzinfo=UTC), datetime(2024, 6, 1, tzinfo=UTC))
    with pytest.raises(
        InputError, match=r"row 2 lies in the future: 2024-06-01T00:01:00Z in column 't'"
    ):
        outside(NINE, datetime(2024, 6, 1, 0, 1, tzinfo=UTC))
    with pytest.raises(InputError, match=r"another zone than tz= says"):
        outside(datetime(2024, 6, 1, 8, tzinfo=UTC), zoned=True)
    with pytest.raises(
        InputError, match=r"row 1 lies at 2016-12-31T00:00:00Z in column 't', before"
    ):
        outside(datetime(2016, 12, 31, tzinfo=UTC))
