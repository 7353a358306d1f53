"""The layout that a call alone decides: index, fixed columns, wide, several widths."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from marketkit.api.layout import PLAIN, Layout, fixed_of, index_of
from marketkit.frames import with_timeframe
from marketkit.schema import CANDLE, NUMBERS, empty

START = datetime(2025, 9, 1, tzinfo=UTC)


@pytest.fixture
def candles():
    numbers = {name: [1.0, 2.0] for name in NUMBERS}
    times = [START, START + timedelta(minutes=1)]
    rows = {"symbol": ["KRW-BTC"] * 2, "time": times, **numbers, "state": ["closed"] * 2}
    return pl.DataFrame(rows, dict(CANDLE))


@pytest.mark.parametrize(
    ("symbols", "index"),
    [
        (None, ["symbol"]),
        ("KRW-BTC", ["time"]),
        ("KRW-*", ["symbol", "time"]),
        (["KRW-BTC"], ["symbol", "time"]),
    ],
)
def test_the_index_of_a_pandas_frame_follows_what_was_typed(symbols, index):
    assert index_of(symbols) == index


def test_only_of_one_market_columns_cannot_differ():
    assert fixed_of("KRW-BTC") == {"symbol": "KRW-BTC"}
    assert fixed_of("KRW-BTC", closed=True) == {"symbol": "KRW-BTC", "state": "closed"}
    assert [fixed_of(each, closed=True) for each in (None, "KRW-*", ["KRW-BTC"])] == [{}] * 3


def test_the_shape_that_all_frames_are_made_in_costs_nothing(candles):
    assert PLAIN.shape(candles, "KRW-BTC", []) is candles


def test_one_market_is_numbers_and_a_list_of_one_is_long(candles):
    pytest.importorskip("pandas")
    layout = Layout("pandas", closed=True)
    one = layout.shape(candles, "KRW-BTC", ["KRW-BTC"])
    assert list(one.columns) == ["open", "high", "low", "close", "volume", "value"]
    assert one.attrs == {"symbol": "KRW-BTC", "state": "closed"}
    many = layout.shape(candles, ["KRW-BTC"], ["KRW-BTC"])
    assert list(many.index.names) == ["symbol", "time"]
    assert "state" in many.columns
    assert many.attrs == {}


def test_the_code_is_in_attrs_where_a_name_was_typed_also_without_rows(candles):
    pytest.importorskip("pandas")
    for rows in (candles, empty(CANDLE)):
        shaped = Layout("pandas").shape(rows, "비트코인", ["KRW-BTC"])
        assert shaped.attrs == {"symbol": "KRW-BTC"}
        assert "state" in shaped.columns  # it might differ


def test_several_widths_are_told_apart_by_the_index(candles):
    pytest.importorskip("pandas")
    rows = with_timeframe(candles, "1m")
    layout = Layout("pandas", several=True, closed=True)
    assert list(layout.shape(rows, "KRW-BTC", []).index.names) == ["timeframe", "time"]
    assert list(layout.shape(rows, ["KRW-BTC"], []).index.names) == ["symbol", "timeframe", "time"]


def test_wide_has_a_column_for_every_symbol_that_was_delivered_rows_or_none(candles):
    wide = Layout(wide="close").shape(candles, "KRW-*", ["KRW-ETH", "KRW-BTC"])
    assert wide.columns == ["time", "KRW-BTC", "KRW-ETH"]
    assert wide["KRW-ETH"].to_list() == [None, None]
