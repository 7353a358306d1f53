"""Prices are judged by what the market itself moves, where both have candles and at seams."""

from __future__ import annotations

import math
import random

import polars as pl
import pytest

from marketkit.data.lake.transfer.strangers import strangers
from marketkit.schema import TIME
from marketkit.timeframe import HOUR, MINUTE, TIMEFRAMES, parse_time

START = parse_time("2024-01-01")
ONE_MINUTE = TIMEFRAMES["1m"]


def closes(count, price=1e6, step=3e-4, seed=0):
    dice = random.Random(seed)
    out = [price]
    while len(out) < count:
        out.append(out[-1] * math.exp(dice.gauss(0, step)))
    return out


def rows(first, prices, file=0, *, by=0):
    times = [START + (first + n) * MINUTE + by for n in range(len(prices))]
    return pl.DataFrame(
        {"file": file, "time": times, "close": prices, "volume": 1.0},
        schema={"file": pl.UInt32, "time": pl.Int64, "close": pl.Float64, "volume": pl.Float64},
    ).with_columns(pl.col("time").cast(TIME))


def found(*parts, stored=None):
    line = pl.concat(parts).sort("time")
    stored = rows(0, []) if stored is None else stored
    return list(strangers(line, stored.drop("file"), ONE_MINUTE))


PRICES = closes(1200)


def test_nothing_is_said_of_the_first_file_of_a_market():
    assert found(rows(0, [1.0, 1e9])) == []


def test_the_market_goes_on_over_seams_and_holes():
    stored = pl.concat([rows(0, PRICES[:200]), rows(800, PRICES[800:])])
    assert found(rows(200, PRICES[200:500]), stored=stored) == []
    assert found(rows(150, PRICES[150:900]), stored=stored) == []


@pytest.mark.parametrize("factor", [1 / 30, 1.1, 30])
@pytest.mark.parametrize("at", [150, 200, 350])
def test_another_market_does_not(factor, at):
    stored = pl.concat([rows(0, PRICES[:200]), rows(800, PRICES[800:])])
    other = [price * factor for price in PRICES[at : at + 60]]
    assert found(rows(at, other), stored=stored) == [0]


@pytest.mark.parametrize("met", [1, 2, 7, 15])
def test_few_candles_met_suffice_for_another_market(met):
    other = [price / 30 for price in PRICES[100 : 100 + met]]
    assert found(rows(100, other), stored=rows(0, PRICES[:200])) == [0]
    assert found(rows(100, other), stored=rows(0, [1e6] * 200)) == [0]


def test_prices_that_somebody_rounded_are_of_the_same_market():
    rounded = [float(f"{price:.6g}") for price in PRICES[:100]]
    assert found(rows(0, rounded), stored=rows(0, PRICES)) == []


def test_a_market_that_never_moved_may_begin_to():
    assert found(rows(10, [101.0, 110.0, 200.0]), stored=rows(0, [100.0] * 10)) == []


def test_a_start_of_a_day_is_no_other_market_among_many_files():
    prices, parts = closes(600), []
    for n in range(6):  # each begins with a jump of seventy usual moves
        some = [price * 1.014**n for price in prices[100 * n : 100 * n + 100]]
        parts.append(rows(100 * n, some, n))
    assert found(*parts) == []
    assert found(*parts[1:], stored=parts[0]) == [1]


def test_nine_hours_are_told_by_the_same_candles():
    late = rows(1080, PRICES[540:640], by=0)
    stored = rows(0, PRICES[:700])
    faults = strangers(late, stored.drop("file"), ONE_MINUTE)
    assert "tz='Asia/Seoul'" in faults[0]
    early = rows(-540, PRICES[:100])
    assert "tz='UTC'" in strangers(early, rows(0, PRICES).drop("file"), ONE_MINUTE)[0]
    assert 9 * HOUR == 540 * MINUTE


def test_of_files_in_a_row_the_one_that_fits_neither_neighbour_is_to_blame():
    parts = [rows(100 * n, PRICES[100 * n : 100 * n + 100], n) for n in range(5)]
    assert found(*parts) == []
    parts[2] = rows(200, [price / 30 for price in PRICES[200:300]], 2)
    assert found(*parts) == [2]
    parts[0] = rows(0, [price * 4 for price in PRICES[:100]], 0)
    assert sorted(found(*parts)) == [0, 2]
