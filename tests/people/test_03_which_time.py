"""Which time: one unit for all rows, no zone guessed, none before the exchange or after now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from marketkit.cli.main import main
from marketkit.data.lake import Lake
from marketkit.errors import InputError
from marketkit.timeframe import parse_time

NINE = datetime(2024, 1, 1, 9, tzinfo=UTC)
EPOCH = int(NINE.timestamp())
NUMBERS = "open,high,low,close,volume"
CANDLE = "1,4,0.5,2,10"


@pytest.fixture
def lake(tmp_path):
    """A lake whose clock stands in the summer of 2024."""
    lake = Lake(tmp_path / "lake")
    lake.clock = lambda: parse_time("2024-06-01T00:00:00Z")
    return lake


@pytest.fixture
def times(lake, tmp_path):
    """Import a CSV with these times and give the times that came of it."""

    def take(*cells, name="time", timeframe="1m", **options):
        path = tmp_path / "given.csv"
        rows = [f"{cell},{CANDLE}" for cell in cells]
        path.write_text("\n".join([f"{name},{NUMBERS}", *rows]), "utf-8")
        lake.import_(path, symbol="KRW-BTC", timeframe=timeframe, **options)
        return lake.read("KRW-BTC", timeframe)["time"].to_list()

    return take


@pytest.fixture
def refused(lake, times):
    def refuse(match, *cells, **options):
        with pytest.raises(InputError, match=match) as caught:
            times(*cells, **options)
        assert "given.csv" in str(caught.value)
        assert not lake.root.exists()

    return refuse


@pytest.mark.parametrize("unit", [1, 10**3, 10**6, 10**9])
def test_seconds_and_their_thousandths_are_told_apart_by_what_fits_all_rows(times, unit):
    assert times(EPOCH * unit, (EPOCH + 60) * unit) == [NINE, NINE + timedelta(minutes=1)]


@pytest.mark.parametrize("cell", ["202401010900", "20240101090000"])
def test_dates_as_numbers_are_moments_of_the_zone_that_is_said(times, refused, cell):
    refused("carry no zone: say which it is, as in tz='UTC'", cell)
    assert times(cell, tz="UTC") == [NINE]


@pytest.mark.parametrize("cell", ["20240101", "2024-01-01", "2024.01.01", "2024-01-01 09:00:00"])
def test_a_daily_file_of_dates_takes_the_zone_in_which_its_days_are_named(times, cell):
    assert times(cell, tz="Asia/Seoul", timeframe="1d") == [datetime(2024, 1, 1, tzinfo=UTC)]


def test_two_units_in_a_file_are_refused_with_the_row(refused):
    refused(f"row 2, column 'time': {EPOCH} is a time in s, .* in ms", EPOCH * 1000, EPOCH)
    refused("one unit for all rows", EPOCH, EPOCH * 10**9)


@pytest.mark.parametrize("first", [0, 1])
def test_the_numbers_of_rows_are_no_times(refused, first):
    match = r"numbers its rows, .* no times; say columns=\{'time': ...\}"
    refused(match, *range(first, first + 30), name="")


def test_what_is_a_time_in_no_unit_is_named(refused):
    refused("row 1, column 'time': 45292 is no time", 45292)
    refused("row 2, column 'time' holds 'soon'", EPOCH * 1000, "soon")


@pytest.mark.parametrize(
    ("header", "cells"),
    [
        ("timestamp,candle_date_time_kst", f"{EPOCH * 1000 + 59_123},2024-01-01T18:00:00"),
        ("timestamp,candle_date_time_utc", f"{EPOCH * 1000 + 59_123},2024-01-01T09:00:00"),
        ("timestamp,candleDateTimeKst", f"{EPOCH * 1000 + 59_123},2024-01-01T18:00:00+09:00"),
        (",timestamp", f"0,{EPOCH * 1000}"),
    ],
)
def test_the_start_of_a_candle_comes_before_the_time_of_its_last_trade(times, header, cells):
    assert times(cells, name=header) == [NINE]


def test_the_future_is_refused_by_the_clock_of_the_lake(lake, refused, times):
    refused(
        "row 2 lies in the future: 2024-06-01T00:01:00Z", "2024-05-31T23:59Z", "2024-06-01T00:01Z"
    )
    assert len(times("2024-06-01T00:00Z")) == 1
    lake.clock = lambda: parse_time("2024-07-01")
    assert len(times("2024-06-01T00:01Z")) == 2


def test_a_korean_file_given_as_utc_is_caught_on_the_day_it_was_saved(refused):
    cells = ["2024-06-01 08:58:00", "2024-06-01 08:59:00"]  # 23:59 UTC of the day before
    refused("in the future.*another zone than tz= says", *cells, tz="UTC")


@pytest.mark.parametrize("cell", ["2016-12-31T23:59Z", "1970-01-01T00:00Z"])
def test_no_candle_is_older_than_the_exchange(refused, cell):
    refused(r"row 1 lies at .*, before Upbit began \(2017\)", cell)


def test_times_of_any_type_are_times(lake, tmp_path):
    seoul = pl.Series("date", [NINE]).dt.convert_time_zone("Asia/Seoul").dt.cast_time_unit("ns")
    numbers = {name: [1.0] for name in NUMBERS.split(",")}
    pl.DataFrame({"date": seoul, **numbers}).write_parquet(tmp_path / "given.parquet")
    lake.import_(tmp_path / "given.parquet", symbol="KRW-BTC", timeframe="1m")
    assert lake.read("KRW-BTC", "1m")["time"].to_list() == [NINE]


def test_the_command_line_takes_the_zone_and_the_column(tmp_path, capsys):
    path = tmp_path / "given.csv"
    path.write_text(f"n,when,{NUMBERS}\n1,2024-01-01 18:00,{CANDLE}\n2,2024-01-01 18:01,{CANDLE}\n")
    given = ["--symbol", "KRW-BTC", "--timeframe", "1m", "--lake", str(tmp_path / "lake")]
    assert main(["lake", "import", str(path), *given]) == 2
    assert "known to be the time; say columns={'time': ...}" in capsys.readouterr().err
    zoned = ["--columns", "time=when", "--tz", "Asia/Seoul"]
    assert main(["lake", "import", str(path), *given, *zoned]) == 0
    assert "2024-01-01T09:00:00Z" in capsys.readouterr().out


def test_the_command_line_names_a_time_in_the_future(tmp_path, capsys):
    path = tmp_path / "given.csv"
    path.write_text(f"time,{NUMBERS}\n2031-01-01T00:00Z,{CANDLE}\n")
    given = ["--symbol", "KRW-BTC", "--timeframe", "1m", "--lake", str(tmp_path / "lake")]
    assert main(["lake", "import", str(path), *given]) == 2
    assert f"{path}: row 1 lies in the future: 2031-01-01T00:00:00Z" in capsys.readouterr().err
