"""Cells become rows: every row has a time, and what no cell says is null."""

from __future__ import annotations

import polars as pl
import pytest

from marketkit.data.lake.transfer.sources.rows import SOURCE_ROW, Reading, rows_of
from marketkit.errors import InputError
from marketkit.timeframe import TIMEFRAMES, parse_time

NINE = parse_time("2024-01-01T09:00:00Z")
NUMBERS = {"open": ["1"], "high": ["4"], "low": ["0.5"], "close": ["2"], "volume": ["10"]}


def reading(**given):
    return Reading(TIMEFRAMES["1m"], parse_time("2024-06-01"), **given)


def read(columns, **given):
    return rows_of(pl.DataFrame({**columns, **NUMBERS}), reading(**given))


def test_what_is_not_said_is_null():
    rows = read({"time": ["2024-01-01T09:00:00Z"]})
    assert dict(rows.schema) == dict(SOURCE_ROW)
    assert rows["time"].dt.epoch("ms").to_list() == [NINE]
    assert rows.row(0)[2:] == (1.0, 4.0, 0.5, 2.0, 10.0, None, None)
    assert rows["symbol"].to_list() == [None]


def test_markets_and_states_are_in_words_of_ours():
    rows = read({"time": [NINE], "code": ["KRW_BTC"], "state": ["closed"]})
    assert (rows["symbol"][0], rows["state"][0]) == ("KRW-BTC", "traded")


def test_a_column_of_times_that_is_empty_makes_room_for_the_next():
    rows = read({"candle_date_time_utc": [None], "timestamp": [NINE]})
    assert rows["time"].dt.epoch("ms").to_list() == [NINE]


def test_times_of_day_go_with_the_days_beside_them():
    rows = read({"Date": ["2024.01.01"], "Time": ["09:00"]}, tz="UTC")
    assert rows["time"].dt.epoch("ms").to_list() == [NINE]


def test_a_row_without_a_time_is_refused():
    with pytest.raises(InputError, match="row 1 has no time"):
        read({"time": pl.Series([None], dtype=pl.String)})


def test_an_answer_without_candles_has_all_columns():
    assert dict(rows_of(pl.DataFrame(), reading()).schema) == dict(SOURCE_ROW)


@pytest.mark.parametrize(
    ("given", "match"),
    [({"tz": "Asia/Soul"}, "unknown time zone"), ({"columns": {"prize": "x"}}, "no 'prize'")],
)
def test_wrong_options_are_refused_before_anything_is_read(given, match):
    with pytest.raises(InputError, match=match):
        reading(**given)
