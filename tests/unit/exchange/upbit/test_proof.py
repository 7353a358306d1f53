"""Claims of emptiness: which are in doubt, and what a second answer makes of them."""

from __future__ import annotations

import random

import polars as pl
import pytest

from marketkit.coverage import Span, Spans
from marketkit.errors import BadResponse
from marketkit.exchange.upbit.proof import CandleRange, Descent, holes, is_odd
from marketkit.schema import ROW, empty
from marketkit.timeframe import DAY, MINUTE, TIMEFRAMES, parse_time

MINUTES, MONTHS = TIMEFRAMES["1m"], TIMEFRAMES["1M"]
START = parse_time("2025-09-01")
LATE = START + 300 * DAY


def at(*offsets):
    return [START + offset * MINUTE for offset in offsets]


def frame(times):
    times = pl.Series(sorted(times), dtype=pl.Int64).cast(ROW["time"])
    row = {"symbol": "KRW-BTC", "open": 1.0, "high": 1.0, "low": 1.0, "close": 1.0}
    rows = pl.DataFrame({"time": times}).with_columns(
        *(pl.lit(value).alias(name) for name, value in row.items()), volume=1.0, value=1.0
    )
    return rows.select(*ROW).cast(dict(ROW)) if times.len() else empty(ROW)


def descent(start=0, end=1000, timeframe=MINUTES):
    return Descent(CandleRange("KRW-BTC", timeframe, *at(start, end)))


def told(one, times, height=None):
    rows = frame(times)
    return one.weigh(rows, rows.height if height is None else height, LATE)


def told_nothing(one, times):
    for _ in range(times):
        assert told(one, []).nothing_before is None


def test_holes_lie_between_candles_and_before_the_bound():
    assert holes(MINUTES, at(0, 1, 4), at(6)[0]) == Spans([at(2, 4), at(5, 6)])
    assert holes(MINUTES, at(0, 1, 4), at(3)[0]) == Spans([at(2, 3)])
    assert holes(MINUTES, [], at(3)[0]) == Spans([(0, at(3)[0])])
    months = [parse_time("2025-01-01"), parse_time("2025-04-01")]
    february = Span(parse_time("2025-02-01"), months[1])
    assert holes(MONTHS, months, parse_time("2025-05-01")) == Spans([february])


@pytest.mark.parametrize(
    ("traded", "hole", "odd"),
    [(1.0, 5, False), (1.0, 20, True), (0.5, 15, False), (0.5, 90, True), (0.05, 200, False)],
)
def test_a_hole_is_odd_that_is_far_longer_than_the_rhythm(traded, hole, odd):
    dice = random.Random(1)
    offsets = [each for each in range(200) if dice.random() < traded]
    last = offsets[-1] + 1
    assert is_odd(MINUTES, at(*offsets), Span(*at(last, last + hole))) is odd


def test_few_candles_contradict_no_hole():
    assert not is_odd(MINUTES, at(0), Span(*at(1, 10_000)))
    assert not is_odd(MINUTES, at(0, 1), Span(*at(2, 1_000)))


def test_a_full_page_in_rhythm_is_believed_at_once():
    one = descent()
    page = told(one, at(*range(800, 1000)))
    assert page.proved == Spans([at(800, 1000)])
    assert one.to == one.asks_before(LATE) == at(800)[0]


def test_a_short_page_with_holes_is_asked_again_from_above_the_newest():
    one = descent()
    page = told(one, at(900, 901, 990, 999))
    assert (page.proved, page.rows.height) == (Spans([at(999, 1000)]), 1)
    assert one.asks_before(LATE) == at(1000)[0]
    page = told(one, at(900, 901, 990, 999))
    assert (page.proved, page.rows.height) == (Spans([at(900, 999)]), 3)
    assert one.asks_before(LATE) == at(900)[0]


def test_candles_that_the_second_answer_has_are_taken():
    one = descent()
    told(one, at(*range(800, 900), *range(950, 1000)))
    page = told(one, at(*range(751, 951)))
    assert page.proved == Spans([at(751, 950)])
    assert page.rows.height == 199


def test_an_answer_without_the_candle_at_the_edge_settles_nothing():
    one = descent()
    told(one, at(*range(800, 1000)))
    told_nothing(one, 2)
    assert one.asks_before(LATE) == at(801)[0]
    page = told(one, at(800))
    assert (page.nothing_before, page.rests_on) == (at(800)[0], "two answers")


def test_answers_that_go_on_contradicting_each_other_are_an_error():
    one = descent()
    told(one, at(*range(800, 1000)))
    with pytest.raises(BadResponse, match="contradict"):
        told_nothing(one, 10)


def test_an_empty_first_page_is_held_against_the_months():
    one = descent()
    assert told(one, []).nothing_before is None
    assert one.timeframe == MONTHS
    assert one.asks_before(LATE) > LATE
    page = told(one, [parse_time("2025-11-01")])
    assert (page.nothing_before, page.rests_on) == (at(1000)[0], "months")


def test_a_market_without_any_month_has_no_candle():
    one = descent()
    told(one, [])
    page = told(one, [])
    assert (page.nothing_before, page.rests_on) == (at(1000)[0], "months")


def test_in_the_month_of_the_listing_a_second_answer_of_the_same_width_decides():
    one = descent()
    told(one, [])
    assert told(one, [START]).nothing_before is None
    assert one.timeframe == MINUTES
    page = told(one, [])
    assert (page.nothing_before, page.rests_on) == (at(1000)[0], "two answers")


def test_months_of_before_contradict_any_number_of_empty_pages():
    one = descent()
    told(one, [])
    told(one, [parse_time("2020-01-01")])
    with pytest.raises(BadResponse, match="contradict"):
        told_nothing(one, 10)


def test_rows_after_an_empty_page_that_months_contradict_are_taken():
    one = descent()
    told(one, [])
    told(one, [parse_time("2020-01-01")])
    assert told(one, at(*range(800, 1000))).proved == Spans([at(800, 1000)])


@pytest.mark.parametrize("timeframe", ["1s", "1M", "1y"])
def test_widths_of_which_months_say_nothing_are_asked_twice(timeframe):
    one = descent(timeframe=TIMEFRAMES[timeframe])
    assert told(one, []).nothing_before is None
    assert one.timeframe.name == timeframe
    assert told(one, []).nothing_before is not None


def test_an_old_page_at_the_end_is_asked_again_and_young_candles_are_kept():
    one = descent()
    now = at(1000)[0]
    rows = frame(at(*range(700, 900), 999))
    page = one.weigh(rows, 200, now)
    assert page.rows["time"].dt.epoch("ms").to_list() == at(999)
    assert not page.proved
    rows = frame(at(*range(800, 1000)))
    page = one.weigh(rows, 200, now)
    assert page.proved == Spans([at(800, 999)])
    assert page.rows.height == 199
