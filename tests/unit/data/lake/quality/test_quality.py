"""All that is looked at, of lakes small enough to see."""

from __future__ import annotations

import polars as pl
import pytest

from marketkit.coverage import Spans
from marketkit.data.lake.format.provenance import Check, Provenance, Source
from marketkit.data.lake.quality.days import QUALITY
from marketkit.data.lake.quality.quality import read_bars
from marketkit.errors import Incomplete, InputError
from marketkit.timeframe import DAY, HOUR, MINUTE, parse_time
from tests.unit.data.lake.conftest import make_candles
from tests.unit.data.lake.trades.conftest import make_trades

START = parse_time("2026-03-02")
SPAN = (START, START + 2 * DAY)


@pytest.fixture
def kept(lake):
    """Two days of minutes and hours that add up, of two markets."""
    for symbol in ("KRW-BTC", "KRW-ETH"):
        lake.append(symbol, "1m", make_candles(range(*SPAN, MINUTE), symbol), Spans([SPAN]))
        hours = make_candles(range(*SPAN, HOUR), symbol, volume=60.0, value=6_000.0)
        lake.append(symbol, "1h", hours, Spans([SPAN]))
    return lake


def test_each_market_and_day_has_a_row(kept):
    found = kept.quality()
    assert found.schema == pl.Schema(QUALITY)
    assert found["symbol"].to_list() == ["KRW-BTC", "KRW-BTC", "KRW-ETH", "KRW-ETH"]
    assert found["score"].to_list() == [100.0] * 4
    assert found["compared"].to_list() == [24] * 4
    assert found["trade_slots"].null_count() == found["checked"].null_count() == 4


def test_a_fault_of_one_market_is_no_fault_of_another(kept):
    at = START + 30 * HOUR
    spike = make_candles([at], high=100_000.0)
    kept.append("KRW-BTC", "1m", spike, Spans([(at, at + MINUTE)]))
    found = kept.quality()
    assert found["outliers"].to_list() == [0, 1, 0, 0]
    assert found["revised"].to_list() == [0, 1, 0, 0]
    assert found["high_differs"].to_list() == [0, 1, 0, 0]
    assert (found["score"] < 90).to_list() == [False, True, False, False]


def test_a_part_of_a_day_is_judged_by_what_is_asked_for(kept):
    found = kept.quality("KRW-BTC", "1m", START + 6 * HOUR, START + 30 * HOUR)
    assert found["slots"].to_list() == [18 * 60, 6 * 60]
    assert found["score"].to_list() == [100.0, 100.0]


def test_a_range_is_judged_in_parts_and_a_step_between_them_is_seen(kept, monkeypatch):
    monkeypatch.setattr("marketkit.data.lake.quality.quality._AT_ONCE", 1_440)
    at = START + DAY
    spike = make_candles([at], high=100_000.0)
    kept.append("KRW-BTC", "1m", spike, Spans([(at, at + MINUTE)]))
    assert kept.quality("KRW-BTC")["outliers"].to_list() == [0, 1]


def test_a_series_beside_that_cannot_be_read_is_left_out_and_named(kept):
    for path in kept.root.rglob("*.parquet"):
        if "timeframe=1h" in str(path) and "KRW-BTC" in str(path):
            path.write_bytes(b"not any more")
    with pytest.warns(Incomplete, match="KRW-BTC 1h"):
        found = kept.quality("KRW-BTC")
    assert found["compared"].to_list() == [0, 0]


def test_an_empty_lake_has_no_days(lake):
    assert lake.quality().schema == pl.Schema(QUALITY)
    assert lake.quality("KRW-BTC", "1d").is_empty()


def test_days_that_nobody_asked_about_are_worth_nothing(lake):
    found = lake.quality("KRW-BTC", "1m", START, START + DAY)
    assert found["score"].to_list() == [0.0]
    assert found["longest_hole"].to_list() == [1_440]


def test_bars_are_read_in_any_shape():
    bars = make_candles([START]).with_columns(state=pl.lit("closed"))
    assert read_bars(bars.to_pandas()).equals(read_bars(bars))
    assert read_bars(bars.drop("state"))["state"].to_list() == ["closed"]
    with pytest.raises(InputError, match="no column 'close'; did you mean"):
        read_bars(bars.rename({"close": "closed"}))


def test_what_rest_said_of_the_archives_candles_counts_for_the_day_of_the_first_difference(kept):
    name = ("candle/b.zip", "cd" * 32, 2_000, None, 6)
    source = Source(*name, START, START + 2 * DAY)
    check = Check(START + DAY, START + DAY + 200 * MINUTE, 7, 200, 3, START + DAY)
    told = Provenance((source,), (check,))
    kept.append("KRW-BTC", "1m", make_candles(range(*SPAN, MINUTE)), Spans([SPAN]), archive=told)
    found = kept.quality()
    assert found["checked"].to_list() == [None, 200, None, None]
    assert found["check_differs"].to_list() == [None, 3, None, None]
    assert found["score"].to_list() == [100.0, found["score"][1], 100.0, 100.0]
    assert found["score"][1] < 100
    assert "REST" in found["reasons"][1]


def test_trades_of_the_lake_are_witnesses_of_the_days_they_cover(kept):
    trades = make_trades([START + 5_000], volumes=[7.0])
    kept.trades.append("KRW-BTC", trades, Spans([(START, START + DAY)]))
    found = kept.quality()
    assert found["trade_slots"].to_list() == [1_440, None, None, None]
    assert found["trade_differs"].to_list() == [1_440, None, None, None]
    assert "trades" in found["reasons"][0]
