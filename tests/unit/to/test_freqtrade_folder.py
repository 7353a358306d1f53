"""A data folder has the names, columns and types that freqtrade's handlers read."""

from __future__ import annotations

import json

import pandas as pd
import polars as pl
import pytest

from marketkit.errors import InputError, NotWritable
from marketkit.frames import finish
from marketkit.timeframe import TIMEFRAMES
from marketkit.to.freqtrade_folder import file_width, freqtrade, pair_name
from tests.unit.to.conftest import DAY


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_each_market_has_a_feather_file_of_its_pair_and_width(two, tmp_path):
    folder = freqtrade(two, "1h", tmp_path / "user_data" / "data" / "upbit")
    assert names(folder) == ["BTC_KRW-1h.feather", "DOGE_KRW-1h.feather"]
    table = pd.read_feather(folder / "BTC_KRW-1h.feather")
    assert list(table.columns) == ["date", "open", "high", "low", "close", "volume"]
    assert str(table["date"].dt.tz) == "UTC"
    assert table["close"].tolist() == [100, 101, 102, 103, 104, 105]


def test_json_has_rows_of_milliseconds_and_numbers(hours, tmp_path):
    folder = freqtrade(hours.head(1), "1h", tmp_path, data_format="json")
    assert names(folder) == ["BTC_KRW-1h.json"]
    rows = json.loads((folder / "BTC_KRW-1h.json").read_text("utf-8"))
    assert rows == [[DAY, 99.5, 101.0, 99.0, 100.0, 1.25]]


def test_an_hour_without_a_trade_is_left_to_the_loader(two, tmp_path):
    folder = freqtrade(two, "1h", tmp_path, symbol="KRW-DOGE")
    assert names(folder) == ["DOGE_KRW-1h.feather"]
    assert pl.read_ipc(folder / "DOGE_KRW-1h.feather").height == 4


def test_times_of_any_zone_are_written_in_utc(hours, tmp_path):
    seoul = finish(hours, frame="polars", tz="Asia/Seoul", index=["time"])
    folder = freqtrade(seoul, "1h", tmp_path)
    dates = pl.read_ipc(folder / "BTC_KRW-1h.feather")["date"]
    assert dates.dtype == pl.Datetime("ms", "UTC")
    assert dates.dt.epoch("ms")[0] == DAY


def test_what_is_there_is_replaced_only_on_request(hours, tmp_path):
    freqtrade(hours, "1h", tmp_path)
    with pytest.raises(InputError, match="overwrite=True"):
        freqtrade(hours.head(2), "1h", tmp_path)
    freqtrade(hours.head(2), "1h", tmp_path, overwrite=True)
    assert pl.read_ipc(tmp_path / "BTC_KRW-1h.feather").height == 2


def test_nothing_is_written_when_one_file_is_there_already(two, tmp_path):
    freqtrade(two, "1h", tmp_path, symbol="KRW-DOGE")
    with pytest.raises(InputError, match="DOGE_KRW"):
        freqtrade(two, "1h", tmp_path)
    assert names(tmp_path) == ["DOGE_KRW-1h.feather"]


def test_a_false_width_is_refused(hours, tmp_path):
    with pytest.raises(InputError, match="no slot"):
        freqtrade(hours, "1d", tmp_path)
    assert names(tmp_path) == []


def test_another_format_is_refused_with_the_known_ones(hours, tmp_path):
    with pytest.raises(InputError, match="one of feather json"):
        freqtrade(hours, "1h", tmp_path, data_format="parquet")


def test_a_folder_that_is_a_file_is_not_writable(hours, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotWritable, match="cannot be written"):
        freqtrade(hours, "1h", tmp_path / "file" / "below")


def test_names_of_files_are_those_of_the_loader():
    assert pair_name("BRK.B", "KRW") == "BRK_B_KRW"
    widths = [file_width(each) for each in TIMEFRAMES.values()]
    assert len({each.lower() for each in widths}) == len(widths)
    assert "1Mo" in widths
