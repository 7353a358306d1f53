"""Candles of the archive are held against those of REST, slot by slot."""

from __future__ import annotations

import polars as pl
import pytest

from marketkit.coverage import Span, Spans
from marketkit.data.fetch.archive.crosscheck import compare, months_of, random_end
from marketkit.data.fetch.archive.rows import CANDLE
from marketkit.timeframe import DAY, TIMEFRAMES, parse_time

MINUTES = TIMEFRAMES["1m"]
START = parse_time("2025-01-01")
MINUTE = 60_000
PROVED = Spans([(START, START + 10 * MINUTE)])


def candles(*minutes, close=1.0, value=3.0):
    rows = [(START + MINUTE * n, 1.0, 2.0, 0.5, close, 2.0, value) for n in minutes]
    names = list(CANDLE)
    frame = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.Float64), orient="row")
    return frame.with_columns(pl.col("time").cast(pl.Int64).cast(CANDLE["time"]))


def checked(ours, theirs, proved=PROVED):
    return compare(MINUTES, ours, theirs, proved, 7)


def test_equal_candles_agree_in_every_slot():
    check = checked(candles(0, 3), candles(0, 3))
    assert check == (START, START + 10 * MINUTE, 7, 10, 0, None)


def test_what_lies_outside_of_the_answer_is_not_compared():
    assert checked(candles(0, 3, 20), candles(0, 3, 30)).differing == 0


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (candles(0, 3), candles(0)),
        (candles(0), candles(0, 3)),
        (candles(0, 3), pl.concat([candles(0), candles(3, close=1.0000001)])),
        (candles(0, 3), pl.concat([candles(0), candles(3, value=3.001)])),
    ],
)
def test_a_slot_that_is_another_is_counted(ours, theirs):
    check = checked(ours, theirs)
    assert (check.differing, check.first) == (1, START + 3 * MINUTE)


def test_a_turnover_that_was_rounded_is_the_same():
    ours, theirs = candles(0, value=0.00000012), candles(0, value=0.000000123456)
    assert checked(ours, theirs).differing == 0


def test_spans_are_cut_where_months_end():
    spans = Spans([(START, START + 40 * DAY), (START + 50 * DAY, START + 51 * DAY)])
    second = parse_time("2025-02-01")
    assert list(months_of(MINUTES, spans)) == [
        Span(START, second),
        Span(second, START + 40 * DAY),
        Span(START + 50 * DAY, START + 51 * DAY),
    ]


def test_weeks_are_cut_at_their_own_beginnings():
    weeks = TIMEFRAMES["1w"]
    start, end = parse_time("2025-01-06"), parse_time("2025-03-03")
    found = list(months_of(weeks, Spans([(start, end)])))
    assert [weeks.floor(edge) == edge for span in found for edge in span] == [True] * 4
    assert sum(weeks.count(*span) for span in found) == weeks.count(start, end)


@pytest.mark.parametrize("slots", [1, 199, 200, 201, 40_000])
def test_a_page_ends_inside_of_the_month(slots):
    span = Span(START, START + slots * MINUTE)
    for _ in range(20):
        end = random_end(MINUTES, span)
        assert START + min(slots, 200) * MINUTE <= end <= span.end
