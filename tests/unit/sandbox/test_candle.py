"""Candles in memory, one and many."""

from __future__ import annotations

import polars as pl

from marketkit.sandbox.candle import Candle, columns_of, last_trade, merged
from marketkit.sandbox.widths import MINUTE

FIRST = Candle(0, 10.0, 12.0, 9.0, 11.0, 1.5, 16.0, 50_000)
SECOND = Candle(MINUTE, 11.0, 11.0, 8.0, 8.5, 0.25, 2.5, 110_000)
FOURTH = Candle(3 * MINUTE, 8.5, 20.0, 8.5, 19.0, 2.0, 30.0, 230_000)
COLUMNS = columns_of([FIRST, SECOND, FOURTH])


def test_columns_give_their_candles_back():
    assert COLUMNS.rows(0, 3) == [FIRST, SECOND, FOURTH]
    assert COLUMNS.before(3 * MINUTE, 1) == [SECOND]
    assert COLUMNS.before(3 * MINUTE + 1, 9) == [FIRST, SECOND, FOURTH]
    assert COLUMNS.before(0, 9) == []


def test_a_candle_is_found_by_its_start_only():
    assert COLUMNS.at(MINUTE) == SECOND
    assert COLUMNS.at(2 * MINUTE) is COLUMNS.at(MINUTE + 1) is COLUMNS.at(4 * MINUTE) is None


def test_a_total_is_first_highest_lowest_last_and_sums():
    whole = Candle(0, 10.0, 20.0, 8.0, 19.0, 3.75, 48.5, 230_000)
    assert COLUMNS.total(0, 4 * MINUTE) == merged(0, [FIRST, None, SECOND, FOURTH]) == whole
    assert COLUMNS.total(MINUTE, 3 * MINUTE) == SECOND
    assert COLUMNS.total(2 * MINUTE, 3 * MINUTE) is merged(0, [None]) is None


def test_one_candle_merged_is_itself_from_another_start():
    assert merged(-5, [None, SECOND]) == SECOND._replace(time=-5)


def test_the_last_trade_is_in_the_last_third_alone_or_in_a_column():
    starts = [number * MINUTE for number in range(1_000, 1_200)]
    lasts = [last_trade(7, start, MINUTE) for start in starts]
    assert all(
        start + 40_000 <= last < start + MINUTE for start, last in zip(starts, lasts, strict=True)
    )
    assert len({last % MINUTE for last in lasts}) > 150
    frame = pl.DataFrame({"time": starts})
    assert frame.select(last_trade(7, pl.col("time"), MINUTE)).to_series().to_list() == lasts
