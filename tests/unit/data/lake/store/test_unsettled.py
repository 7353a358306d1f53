"""Candles that nobody proved lie beside the lake until their slots are known."""

from __future__ import annotations

import polars as pl
import pytest

from marketkit.coverage import Spans
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.store.unsettled import FOLDER, Unsettled
from marketkit.timeframe import MINUTE, TIMEFRAMES
from marketkit.window import EVER

ONE_MINUTE = TIMEFRAMES["1m"]
SERIES = Series("upbit", "KRW-BTC", ONE_MINUTE)


@pytest.fixture
def beside(lake):
    return Unsettled(lake)


def given(beside, lake):
    rows = beside.read(lake.select("KRW-BTC", "1m"), EVER, ["KRW-BTC"])
    return [time // MINUTE for time in rows["time"].cast(pl.Int64)]


def test_a_lake_without_any_has_no_folder_for_them(beside, lake, candles):
    beside.keep(SERIES, candles([]))
    assert not beside.any
    assert given(beside, lake) == []
    assert not lake.root.exists()


def test_they_are_given_until_the_lake_knows_their_slots(beside, lake, candles):
    beside.keep(SERIES, candles([0, MINUTE]))
    assert given(beside, lake) == [0, 1]
    assert beside.symbols(ONE_MINUTE) == ["KRW-BTC"]
    lake.append("KRW-BTC", "1m", candles([]), Spans([(0, MINUTE)]))
    assert given(beside, lake) == [1]
    assert lake.covered("KRW-BTC", "1m") == Spans([(0, MINUTE)])


def test_of_two_the_later_counts_and_what_is_known_is_not_kept(beside, lake, candles):
    lake.append("KRW-BTC", "1m", candles([]), Spans([(0, MINUTE)]))
    beside.keep(SERIES, candles([0, MINUTE]))
    beside.keep(SERIES, candles([MINUTE], volume=2.0))
    rows = beside.read(lake.select("KRW-BTC", "1m"), EVER, ["KRW-BTC"])
    assert rows["volume"].to_list() == [2.0]


def test_a_series_that_is_known_by_now_is_dropped(beside, lake, candles):
    beside.keep(SERIES, candles([0]))
    lake.append("KRW-BTC", "1m", candles([0]), Spans([(0, MINUTE)]))
    beside.keep(SERIES, candles([]))
    assert not list((lake.root / FOLDER).rglob("*.parquet"))


def test_a_series_may_be_dropped(beside, lake, candles):
    beside.keep(SERIES, candles([0]))
    beside.drop(["KRW-BTC"], "1m")
    assert given(beside, lake) == []


@pytest.mark.parametrize("name", ["1970-01.parquet", "lake.json"])
def test_a_damaged_file_is_left_out_and_fails_nobody(beside, lake, candles, name, caplog):
    beside.keep(SERIES, candles([0]))
    (path,) = (lake.root / FOLDER).rglob(name)
    path.write_bytes(b"rot")
    assert given(Unsettled(lake), lake) == []
    assert "unsettled candles are left out" in caplog.text
