"""Every number that differs is a row, and nothing else is."""

from __future__ import annotations

import polars as pl
import pytest

from marketkit.data.bars.compare import DIFFERENCE, compare_bars
from marketkit.errors import InputError
from marketkit.schema import TIME

NUMBERS = {"open": 2.0, "high": 3.0, "low": 1.0, "close": 2.5, "volume": 10.0}


def rows(*slots, **more):
    frame = pl.DataFrame({"symbol": "KRW-BTC", "time": list(slots), **NUMBERS, **more})
    return frame.with_columns(pl.col("time").cast(TIME))


def test_equal_frames_have_no_difference():
    assert compare_bars(rows(1, 2), rows(1, 2)).is_empty()
    assert dict(compare_bars(rows(1), rows(1)).schema) == dict(DIFFERENCE)


@pytest.mark.parametrize("column", NUMBERS)
def test_each_number_that_differs_is_named(column):
    told = compare_bars(rows(1), rows(1, **{column: [9.0]}))
    assert told.select("column", "bar", "candle").rows() == [(column, NUMBERS[column], 9.0)]


def test_a_slot_of_one_side_has_nulls_for_the_other():
    told = compare_bars(rows(1), rows(1, 2))
    assert told["column"].to_list() == list(NUMBERS)
    assert (told["bar"].null_count(), told["candle"].null_count()) == (5, 0)
    assert compare_bars(rows(1, 2), rows(1))["candle"].null_count() == 5


def test_sums_of_floats_may_differ_by_rounding_and_prices_may_not():
    assert compare_bars(rows(1), rows(1, volume=[10.000000004])).is_empty()
    assert compare_bars(rows(1), rows(1, volume=[10.00000001])).height == 1
    assert compare_bars(rows(1), rows(1, open=[2.0000000000000004])).height == 1


def test_slots_that_are_not_closed_are_left_out():
    states = ["closed", "forming", "empty", "unknown"]
    bars = rows(1, 2, 3, 4, state=states)
    candles = rows(1, 2, 3, 4, state=["closed", "forming", "empty", "closed"])
    assert compare_bars(bars, candles).is_empty()


def test_other_forms_and_zones_are_the_same_moments():
    seoul = rows(1).with_columns(pl.col("time").dt.convert_time_zone("Asia/Seoul"))
    assert compare_bars(seoul, rows(1).to_arrow()).is_empty()


def test_other_frames_are_refused_by_name():
    with pytest.raises(InputError, match="no column 'open'"):
        compare_bars(rows(1).drop("open"), rows(1))
    with pytest.raises(InputError, match="not a frame"):
        compare_bars([1, 2], rows(1))
