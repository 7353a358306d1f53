"""What a lake says of itself."""

from __future__ import annotations

from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketkit.coverage import Span, Spans
from marketkit.data.lake.format.chunk import Entry, Footer, Stamp
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.report.coverage import (
    CATALOG,
    COVERAGE,
    GAPS,
    catalog,
    coverage,
    gaps,
    where_empty,
    with_maintenance,
)
from marketkit.data.lake.store.knowledge import Knowledge
from marketkit.schema import TIME
from marketkit.timeframe import TIMEFRAMES

MINUTE = 60_000
SERIES = Series("upbit", "KRW-BTC", TIMEFRAMES["1m"])


def minutes(*spans: tuple[int, int]) -> Spans:
    return Spans((start * MINUTE, end * MINUTE) for start, end in spans)


def knowledge(*spans: tuple[int, int], nothing_before: int | None = None, timeframe="1m"):
    moment = None if nothing_before is None else nothing_before * MINUTE
    return Knowledge(TIMEFRAMES[timeframe], minutes(*spans), moment)


def states(known: Knowledge, span: tuple[int, int], traded: list[int], series=SERIES, **more):
    """Give `(start, end, state)` in minutes."""
    times = pl.Series([slot * MINUTE for slot in traded], dtype=pl.Int64).cast(TIME)
    frame = coverage(series, known, Span(*(edge * MINUTE for edge in span)), times, **more)
    assert frame.schema == pl.Schema(COVERAGE)
    edges = pl.col("start", "end").cast(pl.Int64) // MINUTE
    return frame.select(edges, "state").rows()


def test_every_state_has_its_span():
    known = knowledge((5, 12), nothing_before=3)
    assert states(known, (0, 14), [6, 7, 9]) == [
        (0, 3, "before_listing"),
        (3, 5, "unknown"),
        (5, 6, "empty"),
        (6, 8, "traded"),
        (8, 9, "empty"),
        (9, 10, "traded"),
        (10, 12, "empty"),
        (12, 14, "unknown"),
    ]


def test_what_is_covered_before_the_first_moment_stays_covered():
    known = knowledge((1, 3), nothing_before=5)
    assert states(known, (0, 6), [1]) == [
        (0, 1, "before_listing"),
        (1, 2, "traded"),
        (2, 3, "empty"),
        (3, 5, "before_listing"),
        (5, 6, "unknown"),
    ]
    assert known.missing(0, 6 * MINUTE) == minutes((5, 6))


def test_seconds_before_the_end_of_retention_are_unfetchable():
    known = knowledge(nothing_before=1, timeframe="1s")
    series = Series("upbit", "KRW-BTC", TIMEFRAMES["1s"])
    assert states(known, (0, 2), [], series) == [(0, 1, "unfetchable"), (1, 2, "unknown")]


def test_nothing_of_an_ended_market_is_unknown():
    known = knowledge((5, 7), nothing_before=3)
    assert states(known, (0, 9), [5, 6], ended=True) == [
        (0, 3, "before_listing"),
        (3, 5, "unfetchable"),
        (5, 7, "traded"),
        (7, 9, "unfetchable"),
    ]
    seconds = knowledge(nothing_before=1, timeframe="1s")
    series = Series("upbit", "KRW-BTC", TIMEFRAMES["1s"])
    assert states(seconds, (0, 2), [], series, ended=True) == [(0, 2, "unfetchable")]


def test_an_empty_range_has_no_spans():
    assert states(knowledge((0, 5)), (3, 3), []) == []


@pytest.mark.parametrize("name", list(TIMEFRAMES))
def test_runs_of_slots_end_where_the_next_slot_of_any_width_is_missing(name):
    timeframe = TIMEFRAMES[name]
    series = Series("upbit", "KRW-BTC", timeframe)
    first = timeframe.ceil(1_700_000_000_000)
    slots = [timeframe.shift(first, number) for number in range(7)]
    known = Knowledge(timeframe, Spans([(first, slots[6])]), None)
    times = pl.Series([slots[0], slots[1], slots[2], slots[5]], dtype=pl.Int64).cast(TIME)
    frame = coverage(series, known, Span(first, slots[6]), times)
    assert frame["start"].cast(pl.Int64).to_list() == [slots[0], slots[3], slots[5]]
    assert frame["end"].cast(pl.Int64).to_list() == [slots[3], slots[5], slots[6]]
    assert frame["state"].to_list() == ["traded", "empty", "traded"]
    assert frame["slots"].to_list() == [3, 2, 1]


SETS = st.frozensets(st.integers(0, 40), max_size=30)


@given(
    covered=SETS,
    traded=SETS,
    moment=st.none() | st.integers(0, 40),
    span=st.tuples(st.integers(0, 40), st.integers(0, 40)),
)
def test_each_slot_of_a_range_has_the_state_a_set_of_integers_gives_it(
    covered, traded, moment, span
):
    start, end = sorted(span)
    traded &= covered
    known = knowledge(*((slot, slot + 1) for slot in covered), nothing_before=moment)
    inside = sorted(slot for slot in traded if start <= slot < end)
    found = states(known, (start, end), inside)
    slots = [(slot, state) for first, last, state in found for slot in range(first, last)]

    def expected(slot):
        if slot in traded:
            return "traded"
        if slot in covered:
            return "empty"
        return "before_listing" if moment is not None and slot < moment else "unknown"

    assert slots == [(slot, expected(slot)) for slot in range(start, end)]
    assert all(left[2] != right[2] for left, right in pairwise(found))
    missing = known.missing(start * MINUTE, end * MINUTE)
    unknown = [slot for slot, state in slots if state == "unknown"]
    assert missing == minutes(*((slot, slot + 1) for slot in unknown))


@given(covered=SETS, traded=SETS, closed=SETS)
def test_empty_slots_inside_of_windows_are_maintenance(covered, traded, closed):
    traded &= covered
    known = knowledge(*((slot, slot + 1) for slot in covered))
    times = pl.Series([slot * MINUTE for slot in sorted(traded)], dtype=pl.Int64).cast(TIME)
    frame = coverage(SERIES, known, Span(0, 41 * MINUTE), times)
    empty = minutes(*((slot, slot + 1) for slot in covered - traded))
    assert where_empty(frame).hull == empty.hull
    split = with_maintenance(frame, minutes(*((slot, slot + 1) for slot in closed)))
    assert split.schema == pl.Schema(COVERAGE)
    edges = pl.col("start", "end").cast(pl.Int64) // MINUTE
    rows = split.select(edges, "state", "slots").rows()
    slots = [(slot, state) for first, last, state, _ in rows for slot in range(first, last)]

    def expected(slot):
        if slot in traded:
            return "traded"
        if slot not in covered:
            return "unknown"
        return "maintenance" if slot in closed else "empty"

    assert slots == [(slot, expected(slot)) for slot in range(41)]
    assert all(last - first == count for first, last, _, count in rows)


def test_gaps_count_their_slots():
    frame = gaps(SERIES.timeframe, [(SERIES, knowledge((2, 4)), Span(0, 9 * MINUTE))])
    assert frame.schema == pl.Schema(GAPS)
    assert frame["slots"].to_list() == [2, 5]
    assert gaps(SERIES.timeframe, []).schema == pl.Schema(GAPS)


def test_an_odd_range_means_the_slots_that_start_in_it():
    assert knowledge().missing(1, 2 * MINUTE + 1) == minutes((1, 3))


def test_knowledge_adds_up_what_the_chunks_say():
    entries = [
        Entry("2024-01", Stamp(1, 1, 1), Footer(minutes((0, 5)), 7, 0, None, None)),
        Entry("2024-02", Stamp(1, 1, 2), Footer(minutes((5, 9)), None, 0, None, None)),
    ]
    known = Knowledge.of(TIMEFRAMES["1m"], entries)
    assert known == Knowledge(TIMEFRAMES["1m"], minutes((0, 9)), 7)
    assert known.hull == Span(0, 9 * MINUTE)


def test_the_hull_reaches_to_the_moment_before_which_there_is_nothing():
    assert knowledge((5, 9), nothing_before=2).hull == Span(2 * MINUTE, 9 * MINUTE)
    assert knowledge((5, 9), nothing_before=12).hull == Span(5 * MINUTE, 12 * MINUTE)
    assert knowledge().hull is None


def test_the_catalog_has_a_row_for_each_series_with_files():
    footer = Footer(minutes((0, 5)), None, 2, 0, 3 * MINUTE)
    entries = [Entry("2024-01", Stamp(100, 1, 1), footer)]
    frame = catalog([(SERIES, entries), (SERIES, [])])
    assert frame.schema == pl.Schema(CATALOG)
    assert frame.select("symbol", "timeframe", "rows", "slots", "files", "bytes").rows() == [
        ("KRW-BTC", "1m", 2, 5, 1, 100)
    ]
    assert frame.select(pl.col("first", "last").cast(pl.Int64)).row(0) == (0, 3 * MINUTE)
    assert catalog([]).schema == pl.Schema(CATALOG)


def test_the_catalog_says_on_what_a_beginning_rests():
    def told(moment, rests_on="one answer"):
        footer = Footer(minutes((0, 5)), moment, 0, None, None, rests_on=rests_on)
        frame = catalog([(SERIES, [Entry("2024-01", Stamp(100, 1, 1), footer)])])
        return frame.select(pl.col("nothing_before").cast(pl.Int64), "rests_on").row(0)

    assert told(None) == told(None, "months") == (None, None)
    assert told(MINUTE) == (MINUTE, "one answer")
    assert told(MINUTE, "a word of 2030") == (MINUTE, "a word of 2030")
