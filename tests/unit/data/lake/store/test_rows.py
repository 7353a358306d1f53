"""What may enter the lake."""

from __future__ import annotations

import polars as pl
import pytest

from marketkit.coverage import Spans
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.store.rows import CandlePage, checked, inside, split, within
from marketkit.errors import InputError
from marketkit.schema import NUMBERS, ROW, empty
from marketkit.timeframe import TIMEFRAMES

MINUTE = 60_000
SERIES = Series("upbit", "KRW-BTC", TIMEFRAMES["1m"])
COVERING = Spans([(0, 10 * MINUTE)])


def times_of(frame):
    return [time // MINUTE for time in frame["time"].cast(pl.Int64)]


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("close", None, "a null"),
        ("volume", None, "a null"),
        ("close", float("nan"), "not finite"),
        ("high", float("inf"), "not finite"),
        ("value", float("nan"), "not finite"),
        ("low", 0.0, "not positive"),
        ("open", -1.0, "not positive"),
        ("volume", -1e-8, "negative"),
        ("value", -1.0, "negative"),
        ("high", 99.0, "high is not the highest"),
        ("open", 101.0, "high is not the highest"),
        ("low", 101.0, "high is not the highest"),
        ("open", 99.0, "low is not the lowest"),
    ],
)
def test_an_impossible_candle_is_refused_by_the_rule_it_breaks(candles, column, value, rule):
    good, bad = candles([0]), candles([MINUTE], **{column: value})
    with pytest.raises(InputError, match=rule) as caught:
        checked(SERIES, CandlePage(pl.concat([good, bad]), COVERING))
    assert "1 rows refused" in str(caught.value)
    assert "00:01" in str(caught.value) or "0, 1" in str(caught.value)


def test_turnover_may_be_unknown(candles):
    page = checked(SERIES, CandlePage(candles([0], value=None), COVERING))
    assert page.rows["value"].to_list() == [None]


def test_a_null_time_is_refused(candles):
    rows = candles([0]).with_columns(time=pl.lit(None, ROW["time"]))
    with pytest.raises(InputError, match="a null"):
        checked(SERIES, CandlePage(rows, COVERING))


def test_rows_of_another_symbol_are_refused(candles):
    with pytest.raises(InputError, match="symbol is not KRW-BTC"):
        checked(SERIES, CandlePage(candles([0], symbol="KRW-ETH"), COVERING))


@pytest.mark.parametrize(
    ("timeframe", "right", "wrong"),
    [
        ("1m", 60_000, 60_001),
        ("1w", 4 * 86_400_000, 0),
        ("1M", 31 * 86_400_000, 30 * 86_400_000),
        ("1y", 365 * 86_400_000, 31 * 86_400_000),
    ],
)
def test_a_time_that_starts_no_slot_is_refused(candles, timeframe, right, wrong):
    width = TIMEFRAMES[timeframe]
    series = Series("upbit", "KRW-BTC", width)
    covering = Spans([(width.ceil(0), width.ceil(400 * 86_400_000))])
    assert checked(series, CandlePage(candles([right]), covering)).rows.height == 1
    with pytest.raises(InputError, match="no slot"):
        checked(series, CandlePage(candles([wrong]), covering))


@pytest.mark.parametrize("time", [-MINUTE, 4 * MINUTE, 5 * MINUTE, 9 * MINUTE])
def test_rows_outside_the_covering_are_refused(candles, time):
    covering = Spans([(0, 4 * MINUTE), (6 * MINUTE, 9 * MINUTE)])
    with pytest.raises(InputError, match="outside the covering"):
        checked(SERIES, CandlePage(candles([0, time, 7 * MINUTE]), covering))


@pytest.mark.parametrize("span", [(0, 30_000), (1, MINUTE), (-MINUTE, 0), (0, 10**15)])
def test_a_covering_that_is_not_whole_slots_of_our_time_is_refused(candles, span):
    with pytest.raises(InputError, match="covering"):
        checked(SERIES, CandlePage(empty(ROW), Spans([span])))


def test_a_frame_of_other_columns_is_refused(candles):
    with pytest.raises(InputError, match="columns"):
        checked(SERIES, CandlePage(candles([0]).drop("value"), COVERING))
    with pytest.raises(InputError, match="columns"):
        checked(SERIES, CandlePage(candles([0]).with_columns(pl.col("close").cast(int)), COVERING))


def test_rows_are_sorted_and_the_later_of_two_in_the_frame_stays(candles):
    rows = pl.concat([candles([2 * MINUTE, 0]), candles([0], close=200.0)])
    page = checked(SERIES, CandlePage(rows, COVERING))
    assert times_of(page.rows) == [0, 2]
    assert page.rows["close"].to_list() == [200.0, 100.0]


def test_a_part_holds_the_start_and_not_the_end(candles):
    rows = candles(range(0, 5 * MINUTE, MINUTE))
    assert times_of(inside(rows, MINUTE, 3 * MINUTE)) == [1, 2]
    assert inside(rows, 9 * MINUTE, 10 * MINUTE).is_empty()


@pytest.mark.parametrize(
    ("spans", "outside", "within"),
    [
        ([], [[0, 1, 2, 3, 4]], []),
        ([(1, 3)], [[0], [3, 4]], [[1, 2]]),
        ([(0, 2), (3, 5)], [[], [2], []], [[0, 1], [3, 4]]),
        ([(7, 9)], [[0, 1, 2, 3, 4], []], [[]]),
    ],
)
def test_a_frame_is_cut_at_the_edges_of_spans(candles, spans, outside, within):
    rows = candles(range(0, 5 * MINUTE, MINUTE))
    parts = split(rows, Spans((start * MINUTE, end * MINUTE) for start, end in spans))
    assert [[times_of(part) for part in side] for side in parts] == [outside, within]


def test_times_are_told_to_lie_in_spans_or_not():
    times = pl.Series([0, 1, 2, 5, 6, 9])
    assert within(times, Spans([(1, 3), (6, 7)])).to_list() == [
        False,
        True,
        True,
        False,
        True,
        False,
    ]
    assert not within(times, Spans()).any()


ODD = [float("nan"), float("inf"), -float("inf"), -1.0, -0.0, 0.0, 1e-300, 50.0, 100.0, 200.0, None]


@pytest.mark.parametrize("column", [*NUMBERS, "time", "symbol"])
def test_few_rows_are_judged_as_many_are(candles, january, column, monkeypatch):
    series = Series("upbit", "KRW-BTC", TIMEFRAMES["1m"])
    odd: list[object] = [january, january + 1, None] if column == "time" else list(ODD)
    odd = ["KRW-BTC", "KRW-ETH", None] if column == "symbol" else odd
    for value in odd:
        rows = candles([january, january + 120_000])
        literal = pl.lit(value, pl.Int64() if column == "time" else None)
        there = pl.col("time").dt.epoch("ms") == january
        changed = pl.when(there).then(literal).otherwise(pl.col(column).to_physical())
        rows = rows.with_columns(changed.cast(ROW[column]).alias(column))
        said = []
        for small in (4_096, -1):
            monkeypatch.setattr("marketkit.data.lake.store.rows._SMALL", small)
            try:
                page = CandlePage(rows, Spans([(january, january + 180_000)]))
                said.append(checked(series, page).rows.rows())
            except InputError as refused:
                said.append(str(refused))
        assert said[0] == said[1], value
