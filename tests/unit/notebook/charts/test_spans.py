"""Spans of a chart: joined, widened, narrowed."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from marketkit.notebook.charts import spans
from marketkit.timeframe import DAY, HOUR, TIMEFRAMES, WEEK

ROWS = st.lists(st.tuples(st.integers(0, 200), st.integers(1, 9)), max_size=20)


def frame(rows):
    """Make sorted spans of starts and lengths."""
    pairs = sorted((start, start + length) for start, length in rows)
    return pl.DataFrame(pairs, {"start": pl.Int64(), "end": pl.Int64()}, orient="row")


def inside(data):
    return {moment for start, end in data.rows() for moment in range(start, end)}


@given(ROWS)
def test_joined_spans_hold_the_same_moments_and_do_not_touch(rows):
    joined = spans.merged(frame(rows))
    assert inside(joined) == inside(frame(rows))
    edges = [edge for row in joined.rows() for edge in row]
    assert edges == sorted(set(edges))


@given(ROWS, st.integers(1, 12), st.integers(0, 11))
def test_widened_spans_are_all_slots_that_a_span_meets(rows, width, phase):
    slots = {(moment - phase) // width for moment in inside(frame(rows))}
    wide = inside(spans.outward(frame(rows), width, phase))
    assert wide == {
        at for slot in slots for at in range(slot * width + phase, (slot + 1) * width + phase)
    }


@given(ROWS, st.integers(1, 12), st.integers(0, 11))
def test_narrowed_spans_are_all_slots_that_lie_in_one_span(rows, width, phase):
    known = [set(range(start, end)) for start, end in spans.merged(frame(rows)).rows()]
    slots = {(moment - phase) // width for each in known for moment in each}
    whole = {
        slot
        for slot in slots
        if any(
            set(range(slot * width + phase, (slot + 1) * width + phase)) <= each for each in known
        )
    }
    narrow = spans.inward(spans.merged(frame(rows)), width, phase)
    assert {(moment - phase) // width for moment in inside(narrow)} == whole


def test_slots_are_those_of_the_exchange():
    moments = pl.DataFrame({"t": [1_772_345_678_000, 1_700_000_000_000, 0]})
    for name in ("1m", "4h", "1d", "1w"):
        each = TIMEFRAMES[name]
        found = moments.select(spans.floored(pl.col("t"), each.width))["t"]
        assert found.to_list() == [each.floor(moment) for moment in moments["t"]]
    assert spans.floored(pl.lit(0), 2 * WEEK) is not None


def test_slots_may_begin_at_another_hour():
    shifted = pl.select(spans.floored(pl.lit(20 * HOUR), DAY, 15 * HOUR)).item()
    assert shifted == 15 * HOUR


def test_what_lies_between_slots_is_a_span_and_what_touches_is_not():
    times = pl.Series("t", [0, 10, 30, 40, 70])
    assert spans.between(times, 10).rows() == [(20, 30), (50, 70)]
    assert spans.of_times(times, 10).rows() == [(0, 20), (30, 50), (70, 80)]


def test_months_of_different_lengths_touch():
    days = pl.Series("t", [0, 31, 59, 90, 151]) * DAY
    assert spans.between(days, 28 * DAY).rows() == [(118 * DAY, 151 * DAY)]


def test_no_times_have_no_spans():
    nothing = pl.Series("t", [], dtype=pl.Int64())
    assert spans.of_times(nothing, 10).rows() == spans.between(nothing, 10).rows() == []
