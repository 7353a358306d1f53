"""Candle files of any make, as markets."""

from __future__ import annotations

import polars as pl
import pytest

from marketkit.errors import InputError
from marketkit.sandbox.control import moment
from marketkit.sandbox.files import read_candles
from marketkit.sandbox.history import find_files, newest_end, recorded
from marketkit.sandbox.widths import WIDTHS

MINUTE = WIDTHS["1m"]
T0 = moment("2025-09-01T00:00:00")
ROW = "298.0,299.0,297.0,298.5,10.5"


def write(path, header, *lines):
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


@pytest.mark.parametrize(
    "header",
    [
        "timestamp,open,high,low,close,volume",
        "time,open,high,low,close,volume",
        "candle_date_time_utc,opening_price,high_price,low_price,trade_price,candle_acc_trade_volume",
        "candleDateTime,openingPrice,highPrice,lowPrice,tradePrice,candleAccTradeVolume",
        "date_time_utc,open,high,low,close,acc_trade_volume",
    ],
)
@pytest.mark.parametrize(
    "time",
    [
        "2025-09-01 00:00:00",
        "2025-09-01T00:00:00",
        "2025-09-01T00:00:00Z",
        "2025-09-01T09:00:00+09:00",
        str(T0),
        str(T0 // 1000),
    ],
)
def test_columns_and_times_are_known_by_all_their_names(tmp_path, header, time):
    path = write(tmp_path / "a.csv", header, f"{time},{ROW}")
    frame = read_candles([path], MINUTE)
    assert frame.row(0) == (T0, 298.0, 299.0, 297.0, 298.5, 10.5, round(10.5 * 1192.5 / 4, 8))


def test_rows_are_sorted_and_the_last_of_a_duplicate_stays(tmp_path):
    path = write(
        tmp_path / "a.csv",
        "timestamp,open,high,low,close,volume",
        f"2025-09-01 00:02:00,{ROW}",
        f"2025-09-01 00:01:00,{ROW}",
        "2025-09-01 00:02:00,298.0,299.0,297.0,298.5,77.0",
    )
    frame = read_candles([path], MINUTE)
    assert frame["time"].to_list() == [T0 + 60_000, T0 + 120_000]
    assert frame["volume"].to_list() == [10.5, 77.0]


def test_a_row_without_volume_is_no_candle(tmp_path):
    path = write(
        tmp_path / "a.csv",
        "timestamp,open,high,low,close,volume",
        "2025-09-01 00:00:00,1,1,1,1,0",
        "2025-09-01 00:01:00,1,1,1,1,1",
    )
    assert read_candles([path], MINUTE)["time"].to_list() == [T0 + 60_000]


def test_a_parquet_file_with_a_pandas_index_is_read(tmp_path):
    path = tmp_path / "a.parquet"
    prices = {name: [298.0] for name in ("open", "high", "low", "close", "volume")}
    frame = pl.DataFrame({**prices, "timestamp": [T0]})
    frame.with_columns(pl.col("timestamp").cast(pl.Datetime("ms"))).write_parquet(path)
    assert read_candles([path], MINUTE)["time"].to_list() == [T0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("timestamp,open,high,low,close\n2025-09-01 00:00:00,1,1,1,1\n", "no column volume"),
        ("timestamp,open,high,low,close,volume\nsoon,1,1,1,1,1\n", "holds no times"),
        ("timestamp,open,high,low,close,volume\n2025-09-01 00:00:30,1,1,1,1,1\n", "not the start"),
        (
            "timestamp,open,high,low,close,volume\n2025-09-01 00:00:00,1,1,2,1,1\n",
            "high below a low",
        ),
        (
            "timestamp,open,high,low,close,volume\n2025-09-01 00:00:00,1,NaN,1,1,1\n",
            "null, infinite",
        ),
        ("timestamp,open,high,low,close,volume\n2025-09-01 00:00:00,a,1,1,1,1\n", "no number"),
        ("timestamp,open,high,low,close,volume\n", "no rows"),
        ("", "cannot be read"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused_by_name(tmp_path, text, message):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        read_candles([path], MINUTE)
    assert "bad.csv" in str(caught.value)


def test_a_file_that_is_no_parquet_is_refused(tmp_path):
    path = tmp_path / "bad.parquet"
    path.write_bytes(b"nothing")
    with pytest.raises(InputError, match="cannot be read"):
        read_candles([path], MINUTE)


def test_a_directory_is_read_by_the_names_of_its_files(tmp_path):
    for name in ("DOGE_KRW_1m.csv", "KRW-BTC_1h_2020-2025.csv", "BTC_KRW_1h.csv", "notes.csv"):
        write(tmp_path / name, "timestamp,open,high,low,close,volume", f"2025-09-01 00:00:00,{ROW}")
    files = find_files(tmp_path)
    found = {(s, w.name): len(paths) for s, widths in files.items() for w, paths in widths.items()}
    assert found == {("KRW-DOGE", "1m"): 1, ("KRW-BTC", "1h"): 2}
    assert newest_end(files) == T0 + 3_600_000


def test_a_lake_is_read_by_its_folders(tmp_path):
    for month, time in (("2025-08", T0 - 60_000), ("2025-09", T0)):
        path = tmp_path / f"candles/source=upbit/timeframe=1min/series=KRW-BTC/{month}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        prices = {name: [1.5] for name in ("open", "high", "low", "close", "volume", "value")}
        frame = pl.DataFrame({"symbol": ["KRW-BTC"], "time": [time], **prices})
        frame.with_columns(pl.col("time").cast(pl.Datetime("ms", "UTC"))).write_parquet(path)
    files = find_files(tmp_path)
    assert newest_end(files) == T0 + 60_000
    market = recorded(files)["KRW-BTC"]
    assert [candle.time for candle in market.page(MINUTE, 2**60, 9)] == [T0 - 60_000, T0]


@pytest.mark.parametrize(
    "history",
    [
        {"KRW-DOGE": "x"},
        {"KRWDOGE:1m": "x"},
        {"KRW-DOGE:2m": "x"},
        {"KRW-DOGE:1m": "/nowhere"},
        "/nowhere",
    ],
)
def test_a_history_that_is_not_there_is_refused(history):
    with pytest.raises(InputError):
        find_files(history)


def test_an_empty_directory_is_refused(tmp_path):
    with pytest.raises(InputError, match="no file named like"):
        find_files(tmp_path)


def test_given_minutes_and_hours_the_hours_come_from_their_own_file(tmp_path):
    minute = write(
        tmp_path / "m.csv", "timestamp,open,high,low,close,volume", f"2025-09-01 00:00:00,{ROW}"
    )
    hour = write(
        tmp_path / "h.csv", "timestamp,open,high,low,close,volume", "2025-09-01 00:00:00,1,2,1,2,5"
    )
    market = recorded(find_files({"KRW-A:1m": minute, "KRW-A:1h": hour}))["KRW-A"]
    assert [market.page(WIDTHS[w], 2**60, 1)[0].high for w in ("1m", "30m", "1h", "4h", "1d", "1y")] == [
        299.0, 299.0, 2.0, 2.0, 2.0, 2.0,
    ]  # fmt: skip


def test_widths_narrower_than_every_file_hold_nothing(tmp_path):
    hour = write(
        tmp_path / "h.csv", "timestamp,open,high,low,close,volume", "2025-09-01 00:00:00,1,2,1,2,5"
    )
    market = recorded(find_files({"KRW-A:1h": hour}))["KRW-A"]
    assert market.base(WIDTHS["30m"]) is None
    assert market.page(WIDTHS["30m"], 2**60, 1) == []


def test_weeks_make_no_months(tmp_path):
    week = write(tmp_path / "w.csv", "timestamp,open,high,low,close,volume", "2025-09-01,1,2,1,2,5")
    market = recorded(find_files({"KRW-A:1w": week}))["KRW-A"]
    assert market.base(WIDTHS["1M"]) is None


def test_hours_made_of_real_minutes_equal_the_downloaded_hours(shared):
    folder = shared / "realdata" / "azuremooni_krw"
    minutes = recorded(find_files({"KRW-DOGE:1m": folder / "DOGE_KRW_1m.csv"}))["KRW-DOGE"]
    hours = read_candles([folder / "DOGE_KRW_1h.csv"], WIDTHS["1h"])
    both = minutes.frame(WIDTHS["1h"]).join(hours, on="time", suffix="_file")
    both = both.filter(pl.col("time") < moment("2025-10-01"))
    assert len(both) == 696
    for price in ("open", "high", "low", "close"):
        assert (both[price] == both[f"{price}_file"]).all()
    assert (both["volume"] - both["volume_file"]).abs().max() < 1e-6


def test_old_files_with_all_wire_fields_are_read(shared):
    old = shared / "realdata" / "gyusu_krw_btc_2018" / "run180129_BTC.csv"
    frame = read_candles([old], MINUTE)
    assert len(frame) == 9_999  # one row came twice
    assert frame["time"].is_sorted()
    assert frame["value"][-1] == 66444693.84984
    thin = next((shared / "realdata" / "upbit_ml_krw_om").glob("*.csv"))
    assert len(read_candles([thin], MINUTE)) == 137
    pandas = shared / "realdata" / "azuremooni_krw" / "KRW-BTC_1h_2020-2025.parquet"
    assert len(read_candles([pandas], WIDTHS["1h"])) == 50_715
