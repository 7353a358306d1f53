"""Candles side by side: only the differing ones, each with its kind and its numbers."""

from __future__ import annotations

import polars as pl

from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.store.met import ROW_DIFF, met, numbers
from marketkit.timeframe import MINUTE, TIMEFRAMES
from tests.unit.data.lake.conftest import make_candles

SERIES = Series("upbit", "KRW-BTC", TIMEFRAMES["1m"])


def test_candles_of_both_differ_in_one_of_three_ways(january):
    times = [january + slot * MINUTE for slot in range(4)]
    a, b = make_candles(times[:3]), make_candles(times[1:])
    b = b.with_columns(volume=pl.Series([1.0, 2.0, 1.0]))
    found = met(a, b)
    assert found["difference"].to_list() == ["vanished", "changed", "appeared"]
    told = numbers(SERIES, found)
    assert dict(told.schema) == dict(ROW_DIFF)
    assert told.filter(difference="changed").select("column", "a", "b").rows() == [
        ("volume", 1.0, 2.0)
    ]
    assert told.filter(difference="vanished")["b"].null_count() == 6


def test_equal_candles_are_left_out_and_nulls_are_equal(january):
    rows = make_candles([january], value=None)
    assert met(rows, rows).is_empty()
    assert numbers(SERIES, met(rows, rows)).is_empty()
