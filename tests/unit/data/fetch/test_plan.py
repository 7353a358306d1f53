"""Gaps become walks that cover them all with no request to spare."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketkit.coverage import Span, Spans
from marketkit.data.fetch.plan import lanes, split, spread, walks
from marketkit.exchange.dialect import RateLimit
from marketkit.exchange.upbit.proof import CandleRange
from marketkit.exchange.upbit.rest import PAGE
from marketkit.timeframe import TIMEFRAMES, parse_time

calm = settings(deadline=None)
MINUTES = TIMEFRAMES["1m"]
UPBIT = RateLimit(10, 1.0)


@st.composite
def holes(draw):
    """A width and gaps of its slots, from one slot to many pages apart."""
    timeframe = draw(st.sampled_from([each for each in TIMEFRAMES.values() if each.name != "1y"]))
    at, spans = 0, []
    for distance, length in draw(
        st.lists(st.tuples(st.integers(1, 450), st.integers(1, 450)), max_size=5)
    ):
        at += distance
        spans.append((at, at + length))
        at += length
    base = timeframe.floor(parse_time("1980-01-01"))
    return timeframe, Spans(
        (timeframe.shift(base, start), timeframe.shift(base, end)) for start, end in spans
    )


def union(plan):
    return Spans((walk.start, walk.end) for walk in plan)


def pages(timeframe, span):
    """Requests that a walk of a span takes when every slot traded."""
    return math.ceil(timeframe.count(*span) / PAGE)


@calm
@given(holes())
def test_the_walks_cover_every_gap_and_begin_and_end_with_one(case):
    timeframe, gaps = case
    plan = walks("KRW-BTC", timeframe, gaps, settle=5)
    assert gaps <= union(plan)
    assert {walk.start for walk in plan} <= {gap.start for gap in gaps}
    assert {walk.end for walk in plan} <= {gap.end for gap in gaps}
    assert len(plan) == len(union(plan))
    assert {(walk.symbol, walk.timeframe, walk.settle) for walk in plan} <= {
        ("KRW-BTC", timeframe, 5)
    }


@calm
@given(holes())
def test_the_newest_walk_comes_first(case):
    timeframe, gaps = case
    plan = walks("KRW-BTC", timeframe, gaps, settle=0)
    assert all(newer.start > older.end for newer, older in pairwise(plan))


@calm
@given(holes())
def test_joining_gaps_never_costs_a_request(case):
    timeframe, gaps = case
    plan = walks("KRW-BTC", timeframe, gaps, settle=0)
    asked = sum(pages(timeframe, (walk.start, walk.end)) for walk in plan)
    assert asked <= sum(pages(timeframe, gap) for gap in gaps)


def minutes(*spans):
    return Spans((start * 60_000, end * 60_000) for start, end in spans)


@pytest.mark.parametrize(
    ("gaps", "expected"),
    [
        ([], []),
        ([(0, 1)], [(0, 1)]),
        ([(0, 1), (199, 200)], [(0, 200)]),
        ([(0, 1), (200, 201)], [(200, 201), (0, 1)]),
        ([(0, 10), (100, 300)], [(100, 300), (0, 10)]),
        ([(0, 10), (110, 300)], [(110, 300), (0, 10)]),
        ([(100, 110), (120, 300)], [(100, 300)]),
        ([(0, 1), (2, 3), (4, 5)], [(0, 5)]),
    ],
)
def test_a_gap_within_the_last_page_of_the_walk_above_joins_it(gaps, expected):
    plan = walks("KRW-BTC", MINUTES, minutes(*gaps), settle=0)
    assert [(walk.start // 60_000, walk.end // 60_000) for walk in plan] == expected


@st.composite
def plans(draw):
    """Walks of several symbols, from one slot to hundreds of pages."""
    sizes = draw(st.lists(st.integers(1, 60_000), max_size=5))
    return [
        CandleRange(f"KRW-{chr(65 + at)}", MINUTES, 0, size * 60_000, settle=at)
        for at, size in enumerate(sizes)
    ]


def slots(walk):
    return walk.timeframe.count(walk.start, walk.end)


@calm
@given(plans(), st.integers(0, 8))
def test_cutting_keeps_what_is_asked_for_each_symbol(plan, count):
    pieces = spread(plan, count)
    for walk in plan:
        own = [piece for piece in pieces if piece.symbol == walk.symbol]
        assert list(union(own)) == [Span(walk.start, walk.end)]
        assert sum(map(slots, own)) == slots(walk)
        assert {piece.settle for piece in own} == {walk.settle}


@calm
@given(plans(), st.integers(0, 8))
def test_cut_pieces_keep_ten_pages_and_those_of_one_walk_are_of_like_length(plan, count):
    pieces = spread(plan, count)
    for walk in plan:
        own = [slots(piece) for piece in pieces if piece.symbol == walk.symbol]
        assert len(own) == 1 or min(own) >= 10 * PAGE
        assert max(own) - min(own) <= 1


@calm
@given(plans(), st.integers(0, 8))
def test_long_walks_are_cut_into_as_many_as_are_asked_for(plan, count):
    pieces = spread(plan, count)
    assert len(plan) <= len(pieces) <= max(len(plan), count + len(plan))
    if plan and all(slots(walk) >= count * 10 * PAGE for walk in plan):
        assert len(pieces) >= count


@calm
@given(plans(), st.integers(0, 8))
def test_of_each_walk_the_newest_piece_comes_first(plan, count):
    pieces = spread(plan, count)
    assert list(dict.fromkeys(piece.symbol for piece in pieces)) == [walk.symbol for walk in plan]
    for newer, older in pairwise(pieces):
        assert newer.symbol != older.symbol or newer.start == older.end


@calm
@given(plans(), st.integers(0, 8))
def test_each_cut_costs_one_request_at_most(plan, count):
    pieces = spread(plan, count)
    before = sum(math.ceil(slots(walk) / PAGE) for walk in plan)
    after = sum(math.ceil(slots(piece) / PAGE) for piece in pieces)
    assert after <= before + len(pieces) - len(plan)


def test_a_plan_with_walks_enough_is_left_as_it_is():
    plan = [CandleRange("KRW-A", MINUTES, 0, 10**9), CandleRange("KRW-B", MINUTES, 0, 10**9)]
    assert spread(plan, 2) == spread(plan, 1) == plan
    assert spread([], 4) == []


def test_months_are_cut_on_their_firsts():
    months = TIMEFRAMES["1M"]
    walk = CandleRange("KRW-A", months, parse_time("1600-01-01"), parse_time("2025-01-01"))
    pieces = spread([walk], 2)
    assert len(pieces) == 2
    assert pieces[0].start == pieces[1].end == months.floor(pieces[0].start)


@calm
@given(st.integers(0, 9_000), st.integers(0, 9_000))
def test_the_older_half_of_what_is_left_goes_to_another_walker(length, done):
    walk = CandleRange("KRW-A", MINUTES, 0, length * 60_000, settle=7)
    to = max(0, length - done) * 60_000
    half = split(walk, to)
    left = to // 60_000
    if left < 20 * PAGE:
        assert half is None
        assert walk == CandleRange("KRW-A", MINUTES, 0, length * 60_000, settle=7)
    else:
        assert half == CandleRange("KRW-A", MINUTES, 0, left // 2 * 60_000, settle=7)
        assert walk == CandleRange("KRW-A", MINUTES, half.end, length * 60_000, settle=7)
        assert min(slots(half), left - slots(half)) >= 10 * PAGE


@pytest.mark.parametrize(
    ("round_trip", "expected"),
    [
        (0.0, 1),
        (0.015, 1),
        (0.049, 1),
        (0.05, 2),
        (0.1, 2),
        (0.101, 3),
        (0.15, 3),
        (0.3, 4),
        (9.0, 4),
    ],
)
def test_there_are_lanes_enough_to_hide_the_latency_and_four_at_most(round_trip, expected):
    assert lanes(UPBIT, round_trip) == expected


@calm
@given(st.integers(1, 100), st.floats(0.1, 10), st.floats(0, 1))
def test_up_to_four_lanes_are_never_slower_than_the_limit(requests, seconds, round_trip):
    count = lanes(RateLimit(requests, seconds), round_trip)
    in_flight = requests / seconds * round_trip
    assert 1 <= count <= 4
    if count == 1:
        assert in_flight < 0.5
    elif count < 4:
        assert count - 1 >= in_flight * (1 - 1e-9)
