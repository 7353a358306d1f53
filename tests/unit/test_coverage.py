"""Spans behave like the sets of integers that they stand for."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketkit.coverage import Span, Spans

calm = settings(deadline=None)
points = st.integers(-60, 60)
pairs = st.lists(st.tuples(points, points), max_size=8)


def members(pairs):
    """The oracle: every integer, one by one."""
    return {point for start, end in pairs for point in range(start, end)}


def is_normal(spans):
    """Sorted, disjoint, non-touching and free of empty spans."""
    kept = list(spans)
    return all(span.start < span.end for span in kept) and all(
        before.end < after.start for before, after in pairwise(kept)
    )


@calm
@given(pairs)
def test_spans_hold_the_integers_of_the_pairs_in_normal_form(given_pairs):
    spans = Spans(given_pairs)
    assert members(spans) == members(given_pairs)
    assert is_normal(spans)
    assert all(isinstance(span, Span) for span in spans)


@calm
@given(pairs)
def test_the_number_of_spans_is_the_number_of_runs_of_integers(given_pairs):
    held = members(given_pairs)
    runs = sum(1 for point in held if point - 1 not in held)
    assert len(Spans(given_pairs)) == runs
    assert bool(Spans(given_pairs)) == bool(held)


@calm
@given(pairs, pairs)
def test_union_intersection_and_difference_are_those_of_sets(left, right):
    one, other = Spans(left), Spans(right)
    cases = {
        "|": (one | other, members(left) | members(right)),
        "&": (one & other, members(left) & members(right)),
        "-": (one - other, members(left) - members(right)),
    }
    for result, expected in cases.values():
        assert members(result) == expected
        assert is_normal(result)


@calm
@given(pairs, pairs)
def test_operations_leave_their_operands_as_they_were(left, right):
    one, other = Spans(left), Spans(right)
    before = list(one), list(other)
    _ = (one | other, one & other, one - other)
    assert (list(one), list(other)) == before


@calm
@given(pairs, pairs)
def test_equality_hash_and_subset_follow_the_integers(left, right):
    one, other = Spans(left), Spans(right)
    assert (one == other) == (members(left) == members(right))
    assert (one <= other) == (members(left) <= members(right))
    if one == other:
        assert hash(one) == hash(other)


@calm
@given(pairs, pairs)
def test_what_is_cut_out_and_what_is_shared_make_the_whole(left, right):
    one, other = Spans(left), Spans(right)
    assert (one - other) | (one & other) == one
    assert not (one - other) & other


@calm
@given(pairs, points)
def test_membership_is_that_of_the_set(given_pairs, point):
    assert (point in Spans(given_pairs)) == (point in members(given_pairs))


@calm
@given(pairs)
def test_total_and_hull_are_size_and_extent(given_pairs):
    held, spans = members(given_pairs), Spans(given_pairs)
    assert spans.total == len(held)
    assert spans.hull == ((min(held), max(held) + 1) if held else None)


@calm
@given(pairs, points, points)
def test_clip_and_gaps_part_a_window_between_them(given_pairs, start, end):
    spans, window = Spans(given_pairs), set(range(start, end))
    clipped, gaps = spans.clip(start, end), spans.gaps(start, end)
    assert members(clipped) == members(given_pairs) & window
    assert members(gaps) == window - members(given_pairs)
    assert is_normal(clipped)
    assert is_normal(gaps)


@calm
@given(pairs, points, points)
def test_a_set_holds_a_window_if_nothing_of_it_is_missing(given_pairs, start, end):
    spans = Spans(given_pairs)
    assert spans.holds(start, end) == (not spans.gaps(start, end))


@calm
@given(pairs)
def test_the_repr_builds_an_equal_set(given_pairs):
    spans = Spans(given_pairs)
    assert eval(repr(spans)) == spans  # noqa: S307 - our own words


def test_touching_spans_are_joined_and_one_integer_apart_they_are_not():
    assert list(Spans([(0, 5), (5, 9)])) == [(0, 9)]
    assert list(Spans([(0, 5), (6, 9)])) == [(0, 5), (6, 9)]


def test_milliseconds_of_today_are_held_exactly():
    day = 1_757_000_000_000
    spans = Spans([(day, day + 1), (day + 2, day + 3)])
    assert day in spans
    assert day + 1 not in spans
    assert spans.total == 2


@pytest.mark.parametrize("other", [[(0, 5)], ((0, 5),), {0, 1, 2, 3, 4}, None])
def test_spans_equal_nothing_but_spans(other):
    assert Spans([(0, 5)]) != other


def test_spans_cannot_be_given_new_attributes():
    with pytest.raises(AttributeError):
        Spans().extra = 1
