"""Slots in columns of times agree with the arithmetic of single times."""

from __future__ import annotations

import polars as pl
import pytest

from marketkit.coverage import Span
from marketkit.data.lake.store.slots import (
    count_slots,
    opens_slot,
    slot_end,
    slot_number,
    slots_of,
)
from marketkit.schema import TIME
from marketkit.timeframe import MINUTE, TIMEFRAMES, parse_time

TIMES = pl.col("time")
START = parse_time("2023-11-10")  # a Friday; two months and a year end soon after

every_timeframe = pytest.mark.parametrize("timeframe", TIMEFRAMES.values(), ids=str)


def column(times: list[int]) -> pl.DataFrame:
    return pl.DataFrame({"time": times}).with_columns(pl.col("time").cast(TIME))


@every_timeframe
def test_the_slots_of_a_span_are_those_that_shifting_finds(timeframe):
    first = timeframe.ceil(START)
    expected = [timeframe.shift(first, number) for number in range(7)]
    slots = slots_of(timeframe, Span(first, timeframe.shift(first, 7)))
    assert slots.dtype == TIME
    assert slots.cast(pl.Int64).to_list() == expected


@every_timeframe
def test_a_span_without_slots_has_none(timeframe):
    first = timeframe.ceil(START)
    assert slots_of(timeframe, Span(first, first)).to_list() == []


@every_timeframe
def test_spans_are_counted_together_as_each_alone(timeframe):
    first = timeframe.ceil(START)
    edges = [first + off for off in (-1, 0, 1)] + [
        timeframe.shift(first, 9) + off for off in (0, 1)
    ]
    spans = [Span(start, end) for start in edges for end in edges if start < end]
    assert count_slots(timeframe, spans) == [timeframe.count(*span) for span in spans]
    assert count_slots(timeframe, []) == []


@every_timeframe
def test_only_the_start_of_a_slot_opens_it(timeframe):
    first = timeframe.ceil(START)
    times = [first - 1, first, first + 1, timeframe.next(first), timeframe.next(first) + 1]
    opens = column(times).select(opens_slot(timeframe, TIMES)).to_series()
    assert opens.to_list() == [False, True, False, True, False]


@every_timeframe
def test_numbers_of_neighbouring_slots_differ_by_one(timeframe):
    slots = [timeframe.shift(START, step) for step in range(30)]
    numbers = column(slots).select(slot_number(timeframe, TIMES).diff()).to_series()
    assert numbers[1:].to_list() == [1] * 29


@every_timeframe
def test_a_slot_ends_where_the_next_one_opens(timeframe):
    slots = [timeframe.shift(START, step) for step in range(30)]
    ends = column(slots).select(slot_end(timeframe, TIMES)).to_series()
    assert ends.to_list() == [timeframe.next(slot) for slot in slots]


def test_all_times_within_a_slot_have_its_number():
    hour = TIMEFRAMES["1h"]
    times = [START, START + 59 * MINUTE, START + 60 * MINUTE]
    numbers = column(times).select(slot_number(hour, TIMES)).to_series()
    assert numbers[1] == numbers[0]
    assert numbers[2] == numbers[0] + 1
