"""Candles made wider say what the narrow ones said."""

from __future__ import annotations

import polars as pl
import pytest

from marketkit.notebook.charts import bins
from marketkit.notebook.charts.intake import read_candles
from marketkit.timeframe import DAY, HOUR, MINUTE, TIMEFRAMES, WEEK
from tests.unit.notebook.charts.conftest import START, minutes

pytest.importorskip("narwhals")


def test_first_highest_lowest_last_and_sums_are_those_of_every_row(week):
    (found,) = read_candles(week)
    wide = bins.joined(found, HOUR)
    for number, row in enumerate(wide.rows.iter_rows(named=True)):
        part = week.slice(number * 60, 60)
        assert row["t"] == START + number * HOUR
        assert (row["open"], row["close"]) == (part["open"][0], part["close"][-1])
        assert (row["high"], row["low"]) == (part["high"].max(), part["low"].min())
        assert row["volume"] == part["volume"].sum()
        assert row["value"] == part["value"].sum()
    assert len(wide.rows) == 7 * 24


def test_one_spike_of_a_minute_survives_any_width(week):
    spike = pl.when(pl.int_range(pl.len()) == 4321).then(999e6).otherwise("high")
    (found,) = read_candles(week.with_columns(high=spike))
    for width in (10 * MINUTE, HOUR, DAY, WEEK):
        assert bins.joined(found, width).rows["high"].max() == 999e6


def test_slots_without_a_candle_stay_without_one(week):
    hours = pl.col("time").dt.epoch("ms") // HOUR
    (found,) = read_candles(week.filter(~hours.is_between(START // HOUR + 10, START // HOUR + 13)))
    wide = bins.joined(found, 2 * HOUR)
    assert len(wide.rows) == 7 * 12 - 2
    assert wide.absent.rows() == [(START + 10 * HOUR, START + 14 * HOUR)]


def test_a_gap_of_a_minute_is_seen_at_any_width_and_a_minute_without_trade_is_not(week):
    state = pl.when(pl.int_range(pl.len()) == 100).then(pl.lit("empty")).otherwise(pl.lit("closed"))
    lost = pl.int_range(pl.len()) != 5000
    (found,) = read_candles(week.with_columns(state=state).filter(lost))
    wide = bins.joined(found, 4 * HOUR)
    (gap,) = wide.lost.rows()
    assert gap[0] <= START + 5000 * MINUTE < gap[1]
    assert gap[1] - gap[0] == 4 * HOUR
    assert not len(wide.quiet)
    assert wide.kinds == {"lost", "quiet"}


def test_amounts_that_nobody_knows_stay_unknown(hour):
    (found,) = read_candles(hour.drop("value"))
    assert bins.joined(found, 10 * MINUTE).rows["value"].null_count() == 6


def test_the_width_is_the_narrowest_that_has_room(week):
    found = read_candles(week)
    assert bins.fitting(found, 20_000) == MINUTE
    assert bins.fitting(found, 800) == 15 * MINUTE
    assert bins.fitting(found, 100) == 2 * HOUR


def test_a_few_candles_far_apart_stay_as_they_are():
    apart = pl.concat([minutes(10), minutes(10, first=100_000)])
    assert bins.fitting(read_candles(apart), 800) == MINUTE


@pytest.mark.parametrize("name", TIMEFRAMES)
def test_candles_of_any_width_can_be_joined_to_whole_ones(name):
    base = TIMEFRAMES[name].width
    known = bins.widths(base)
    assert known[0] == base
    assert known == sorted(set(known))
    assert all(each % base == 0 for each in known)


def test_what_is_longer_than_all_widths_takes_the_widest():
    assert bins.narrowest(10**15, MINUTE, 10) == 52 * WEEK
