"""What is known of a series: covered, absent, or missing."""

from __future__ import annotations

import pytest

from marketkit.coverage import Span, Spans
from marketkit.data.lake.format.chunk import Entry, Footer, Stamp
from marketkit.data.lake.store.knowledge import Knowledge, beginning
from marketkit.timeframe import MINUTE, TIMEFRAMES

MINUTES = TIMEFRAMES["1m"]


def minutes(*spans: tuple[int, int]) -> Spans:
    return Spans((start * MINUTE, end * MINUTE) for start, end in spans)


def knowledge(*spans: tuple[int, int], nothing_before: int | None = None) -> Knowledge:
    moment = None if nothing_before is None else nothing_before * MINUTE
    return Knowledge(MINUTES, minutes(*spans), moment)


def entry(chunk: str, covered: Spans, nothing_before: int | None) -> Entry:
    return Entry(chunk, Stamp(1, 2, 3), Footer(covered, nothing_before, 0, None, None))


def test_chunks_add_up_and_the_latest_listing_counts():
    entries = [
        entry("2024-01", minutes((0, 10)), None),
        entry("2024-02", minutes((10, 20)), 5 * MINUTE),
        entry("2024-03", minutes((30, 40)), 3 * MINUTE),
    ]
    assert Knowledge.of(MINUTES, entries) == knowledge((0, 20), (30, 40), nothing_before=5)


def claim(moment: int | None, rests_on: str) -> Knowledge:
    return Knowledge(MINUTES, Spans(), moment, rests_on)


def test_the_latest_moment_counts_with_what_it_rests_on():
    assert beginning([claim(7, "one answer"), claim(5, "months")]) == (7, "one answer")
    assert beginning([claim(None, "months"), claim(0, "two answers")]) == (0, "two answers")
    assert beginning([claim(None, "months")]) == beginning([]) == (None, "one answer")


@pytest.mark.parametrize("better", ["two answers", "months", "a word of 2030"])
def test_of_the_same_moment_the_better_evidence_counts(better):
    claims = [claim(7, better), claim(7, "one answer")]
    assert beginning(claims) == beginning(claims[::-1]) == (7, better)


def test_of_no_chunks_nothing_is_known():
    known = Knowledge.of(MINUTES, [])
    assert known == knowledge()
    assert known.hull is None
    assert known.missing(0, 5 * MINUTE) == minutes((0, 5))


@pytest.mark.parametrize(
    ("known", "missing"),
    [
        (knowledge((0, 100)), ()),
        (knowledge((20, 30)), ((10, 20), (30, 40))),
        (knowledge((20, 30), nothing_before=15), ((15, 20), (30, 40))),
        (knowledge(nothing_before=50), ()),
    ],
)
def test_missing_is_what_is_neither_covered_nor_absent(known, missing):
    assert known.missing(10 * MINUTE, 40 * MINUTE) == minutes(*missing)


def test_slots_are_those_that_start_in_the_range():
    known = knowledge((0, 1))
    assert known.slots_of(1, 2 * MINUTE + 1) == Span(MINUTE, 3 * MINUTE)
    assert known.missing(1, MINUTE) == Spans()


def test_what_was_covered_before_the_listing_is_not_absent():
    known = knowledge((0, 10), nothing_before=20)
    assert known.absent(0, 100 * MINUTE) == minutes((10, 20))
    assert knowledge((0, 10)).absent(0, 100 * MINUTE) == Spans()


def test_a_listing_inside_a_slot_leaves_the_next_one_first():
    known = Knowledge(MINUTES, Spans(), 90_000)
    assert known.absent(0, 10 * MINUTE) == minutes((0, 2))
    assert known.hull == Span(2 * MINUTE, 2 * MINUTE)


def test_that_the_exchange_has_no_seconds_proves_nothing():
    for name, unproved in (("1s", Spans([(0, 60_000)])), ("1m", Spans())):
        known = Knowledge(TIMEFRAMES[name], Spans([(60_000, 120_000)]), 60_000)
        assert known.unproved(0, 120_000) == unproved
        assert known.unproved(60_000, 180_000) == Spans([(120_000, 180_000)])


def test_before_the_listing_all_is_proved_but_for_seconds():
    known = Knowledge(TIMEFRAMES["1m"], Spans([(120_000, 180_000)]), 60_000)
    assert known.proved == Spans([(0, 60_000), (120_000, 180_000)])
    seconds = Knowledge(TIMEFRAMES["1s"], Spans([(120_000, 180_000)]), 60_000)
    assert seconds.proved == seconds.covered
