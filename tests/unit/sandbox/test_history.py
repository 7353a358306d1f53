"""Candle files of any make, as markets."""

from __future__ import annotations

import polars as pl
import pytest

from marketkit.errors import InputError
from marketkit.sandbox.control import moment
from marketkit.sandbox.history import find_files, newest_end, recorded
from marketkit.sandbox.widths import WIDTHS

MINUTE = WIDTHS["1m"]
T0 = moment("2025-09-01T00:00:00")
ROW = "298.0,299.0,297.0,298.5,10.5"


def write(path, header, *lines):
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


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
