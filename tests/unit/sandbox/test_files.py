"""Candle files of any make."""

from __future__ import annotations

import polars as pl
import pytest

from marketkit.errors import InputError
from marketkit.sandbox.control import moment
from marketkit.sandbox.files import read_candles
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
