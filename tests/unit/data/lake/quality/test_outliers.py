"""Candles that a market's own moves do not explain, among those that they do."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from marketkit.data.lake.quality.outliers import OUTLIER, outliers, wrong_turnover
from marketkit.schema import ROW, TIME
from marketkit.timeframe import DAY, MINUTE, TIMEFRAMES, parse_time

START = parse_time("2026-03-02")
MINUTES = TIMEFRAMES["1m"]
PRICES = ("open", "high", "low", "close")


def walk(count: int, move: float = 0.001, price: float = 100.0, seed: int = 1) -> pl.DataFrame:
    """Make candles of a market that walks at random, each opening where the last one closed."""
    draw = np.random.default_rng(seed)
    close = price * np.exp(np.cumsum(draw.normal(0, move, count)))
    opens = np.concatenate([[price], close[:-1]])
    rows = pl.DataFrame(
        {
            "time": [START + at * MINUTE for at in range(count)],
            "open": opens,
            "high": np.maximum(opens, close) * (1 + move / 2),
            "low": np.minimum(opens, close) * (1 - move / 2),
            "close": close,
            "volume": draw.uniform(1, 100, count),
        }
    )
    return rows.select(
        pl.lit("KRW-BTC").alias("symbol"),
        pl.col("time").cast(TIME),
        *PRICES,
        "volume",
        value=pl.col("volume") * pl.mean_horizontal("high", "low"),
    ).select(*ROW)


def times(*, at: int, count: int = 1) -> list[int]:
    return [START + each * MINUTE for each in range(at, at + count)]


def changed(rows: pl.DataFrame, when: list[int], by: float, *names: str) -> pl.DataFrame:
    """Multiply some numbers of some candles."""
    met = pl.col("time").dt.epoch("ms").is_in(when)
    return rows.with_columns(pl.when(met).then(pl.col(*names) * by).otherwise(pl.col(*names)))


def found(rows: pl.DataFrame) -> list[int]:
    return outliers(rows, MINUTES)["time"].dt.epoch("ms").to_list()


def test_a_walk_has_none():
    told = outliers(walk(5_000), MINUTES)
    assert told.is_empty()
    assert told.schema == pl.Schema(OUTLIER)


@pytest.mark.parametrize("by", [1000, 1 / 1000, 10, 0.1])
def test_a_candle_with_another_point_is_found_alone(by):
    rows = changed(walk(3_000), times(at=1_000), by, *PRICES)
    told = outliers(rows, MINUTES)
    assert told["time"].dt.epoch("ms").to_list() == times(at=1_000)
    assert told["impossible"].all()
    assert told["far"][0] > 500


@pytest.mark.parametrize(("names", "by"), [(("high",), 1000), (("low",), 0.001)])
def test_one_price_of_a_candle_is_enough(names, by):
    assert found(changed(walk(3_000), times(at=7), by, *names)) == times(at=7)


def test_a_close_alone_that_is_false_is_found_and_its_neighbour_is_not():
    rows = changed(walk(3_000), times(at=500), 1000, "close", "high")
    assert found(rows) == times(at=500)


@pytest.mark.parametrize("at", [0, 1_440, 2 * 1_440])
def test_a_day_of_another_market_is_found_whole_wherever_it_lies(at):
    rows = changed(walk(3 * 1_440), times(at=at, count=1_440), 0.02, *PRICES)
    told = outliers(rows, MINUTES)
    assert told["time"].dt.epoch("ms").to_list() == times(at=at, count=1_440)
    assert told["impossible"].all()


def test_a_spike_inside_of_a_false_day_belongs_to_that():
    rows = changed(walk(3 * 1_440), times(at=1_440, count=1_440), 50, *PRICES)
    rows = changed(rows, times(at=2_000), 1000, *PRICES)
    assert found(rows) == times(at=1_440, count=1_440)


def test_two_false_days_of_different_markets_are_both_found():
    rows = changed(walk(6 * 1_440), times(at=1_440, count=1_440), 50, *PRICES)
    rows = changed(rows, times(at=3 * 1_440, count=1_440), 0.01, *PRICES)
    assert found(rows) == [
        *times(at=1_440, count=1_440),
        *times(at=3 * 1_440, count=1_440),
    ]


@pytest.mark.parametrize("by", [1.1, 1.3, 0.8])
@pytest.mark.parametrize("count", [1, 2, 60, 1_440])
def test_candles_that_jump_away_and_back_as_one_are_impossible_however_near(count, by):
    rows = changed(walk(3 * 1_440), times(at=1_440, count=count), by, *PRICES)
    told = outliers(rows, MINUTES)
    assert told["time"].dt.epoch("ms").to_list() == times(at=1_440, count=count)
    if count > 20 or abs(math.log(by)) > 0.15:
        assert told["impossible"].all()


def test_a_market_that_moves_for_good_is_the_shorter_side_of_its_step_and_possible():
    rows = changed(walk(4_000), times(at=3_990, count=10), 1.1, *PRICES)
    told = outliers(rows, MINUTES)
    assert told["time"].dt.epoch("ms").to_list() == times(at=3_990, count=10)
    assert not told["impossible"].any()


def test_a_long_rest_explains_a_long_step():
    rows = walk(4_000)
    rest = times(at=1_000, count=2_000)
    rows = rows.filter(~pl.col("time").dt.epoch("ms").is_in(rest))
    assert found(changed(rows, times(at=3_000, count=1_000), 1.5, *PRICES)) == []


def test_a_wick_is_worth_a_look_and_not_impossible():
    told = outliers(changed(walk(3_000), times(at=100), 1.08, "high"), MINUTES)
    assert told["time"].dt.epoch("ms").to_list() == times(at=100)
    assert told["impossible"].to_list() == [False]
    assert told["far"][0] == pytest.approx(math.log(1.08) / 0.0007 / math.sqrt(2), rel=0.2)


def test_a_market_that_stands_still_may_move_a_tick():
    rows = walk(200, move=0.0, price=1_420.0)
    assert found(changed(rows, times(at=100), 1_421 / 1_420, *PRICES)) == []


def test_few_candles_tell_only_of_what_no_market_does():
    days = walk(6).with_columns(time=(START + pl.int_range(pl.len()) * DAY).cast(TIME))
    assert outliers(days, TIMEFRAMES["1d"]).is_empty()
    met = pl.col("time") == days["time"][3]
    spoilt = days.with_columns(pl.when(met).then(pl.col(*PRICES) * 1000).otherwise(pl.col(*PRICES)))
    told = outliers(spoilt, TIMEFRAMES["1d"])
    assert told["time"].to_list() == [days["time"][3]]
    assert told["impossible"].all()


@pytest.mark.parametrize("count", [0, 1])
def test_a_candle_alone_has_no_moves(count):
    assert outliers(walk(3).head(count), MINUTES).schema == pl.Schema(OUTLIER)


def test_turnover_fits_the_prices_or_is_told():
    rows = walk(100)
    assert wrong_turnover(rows).is_empty()
    assert wrong_turnover(rows.with_columns(value=pl.lit(None, pl.Float64()))).is_empty()
    spoilt = changed(rows, times(at=10), 1000, "volume")
    assert wrong_turnover(spoilt).dt.epoch("ms").to_list() == times(at=10)
    spoilt = changed(rows, times(at=20), 1000, *PRICES)
    assert wrong_turnover(spoilt).dt.epoch("ms").to_list() == times(at=20)
