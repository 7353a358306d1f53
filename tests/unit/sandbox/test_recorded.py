"""Markets replayed from files."""

from __future__ import annotations

import polars as pl

from marketkit.sandbox.control import moment
from marketkit.sandbox.files import read_candles
from marketkit.sandbox.history import find_files, recorded
from marketkit.sandbox.widths import WIDTHS

ROW = "298.0,299.0,297.0,298.5,10.5"


def write(path, header, *lines):
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


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
