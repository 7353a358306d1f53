"""Late candles of a series: each that changes what is known is told once, and gets to the lake."""

from __future__ import annotations

import pytest

from marketkit.api.live.slots import KEPT, Row, SlotTracker
from marketkit.coverage import Spans
from tests.unit.api.live.conftest import BTC, WIDTH, at, candle

SETTLE = 60_000


def row(volume: float) -> Row:
    """Give the numbers of a candle as an answer has them."""
    return Row(100.0, 100.0, 100.0, 100.0, volume, 100.0 * volume)


def span(first: float, end: float) -> Spans:
    return Spans([(at(first), at(end))])


@pytest.fixture
def tracker() -> SlotTracker:
    """A series joined in minute 10, which is in the lake with all before, which are empty."""
    made = SlotTracker(BTC, WIDTH, at(0), SETTLE)
    made.said(candle(10, kind="SNAPSHOT"), at(10.5))
    made.answered([(at(10), row(1.0))], span(0, 11), at(0), at(12.1))
    made.advance()
    return made


def follow(tracker: SlotTracker, first: int, end: int) -> None:
    """Have the stream tell minutes and all of these be in the lake."""
    for minute in range(first, end):
        tracker.said(candle(minute), at(minute + 0.5))
    tracker.prove(at(end + 2))
    tracker.advance()
    tracker.wrote(dict(tracker.rows), tracker.proved)


def test_the_only_candle_of_a_minute_comes_after_the_next_one_began(tracker):
    tracker.said(candle(11), at(11.5))
    tracker.said(candle(13), at(13.1))
    tracker.advance()
    assert tracker.said(candle(12), at(13.2)) == "late"
    assert at(12) < tracker.watermark


def test_a_candle_newer_than_all_of_the_stream_corrects_what_an_answer_made_final(tracker):
    tracker.answered([], span(10, 20), at(10), at(21))
    tracker.advance()
    assert tracker.watermark == at(20)
    assert tracker.said(candle(15), at(21.5)) == "new"
    assert at(15) not in tracker.kept
    assert tracker.proved == span(15, 16)
    tracker.answered([], span(10, 20), at(10), at(22))
    assert tracker.rows[at(15)].volume == 1.0


def test_numbers_that_an_answer_gave_before_are_no_correction(tracker):
    tracker.answered([(at(11), row(3.0))], span(10, 12), at(10), at(13.1))
    tracker.said(candle(13), at(13.5))
    tracker.advance()
    assert tracker.said(candle(11, 3.0), at(13.6)) == "none"
    assert tracker.proved == Spans()


def test_an_answer_after_the_correction_repeats_nothing_and_one_before_leaves_nothing(tracker):
    for minute in (11, 12, 13):
        tracker.said(candle(minute), at(minute + 0.5))
    tracker.advance()
    assert tracker.said(candle(12, 2.0), at(13.6)) == "late"
    assert tracker.answered([(at(12), row(2.0))], span(10, 13), at(10), at(14.1)) == []
    assert tracker.answered([(at(11), row(2.0))], span(10, 13), at(10), at(14.2)) == [
        (at(11), row(2.0))
    ]
    assert tracker.said(candle(11, 2.0), at(14.3)) == "none"


def test_of_two_late_candles_of_a_minute_each_that_has_other_numbers_counts(tracker):
    for minute in (11, 12, 13):
        tracker.said(candle(minute), at(minute + 0.5))
    tracker.advance()
    said = [(2.0, 11.7), (2.0, 11.7), (3.0, 11.9), (2.5, 11.8)]
    changes = [tracker.said(candle(11, volume, sent=sent), at(13.6)) for volume, sent in said]
    assert changes == ["late", "none", "late", "none"]


def test_an_answer_names_a_slot_once_however_many_rows_it_has_of_that(tracker):
    tracker.said(candle(11), at(11.5))
    tracker.said(candle(12), at(12.5))
    tracker.advance()
    twice = [(at(11), row(2.0)), (at(11), row(3.0))]
    assert tracker.answered(twice, span(10, 12), at(10), at(13)) == [(at(11), row(3.0))]
    back = [(at(11), row(4.0)), (at(11), row(3.0))]
    assert tracker.answered(back, span(10, 12), at(10), at(13)) == []


@pytest.mark.parametrize(
    ("stored", "changed"), [(1.0, False), (0.5, True), (None, True), (2.0, False)]
)
def test_a_candle_of_a_slot_that_only_the_lake_has_is_compared_with_the_lake(
    tracker, stored, changed
):
    follow(tracker, 11, 11 + 2 * KEPT)
    assert at(12) not in tracker.rows
    assert tracker.said(candle(12), at(112)) == "none"
    assert at(12) in tracker.doubted
    assert tracker.compared(at(12), None if stored is None else row(stored)) is changed
    assert not tracker.doubted
    assert (at(12) in tracker.proved) is changed


def test_a_candle_of_a_slot_that_was_never_read_back_is_compared_too():
    tracker = SlotTracker(BTC, WIDTH, at(0), SETTLE)
    tracker.said(candle(100, kind="SNAPSHOT"), at(100.5))
    tracker.answered([(at(99), row(1.0))], span(0, 99), at(0), at(100.6), since=at(50))
    tracker.advance()
    assert tracker.said(candle(40), at(100.7)) == "none"
    assert tracker.said(candle(60), at(100.8)) == "late"
    assert list(tracker.doubted) == [at(40)]


def test_a_slot_known_as_empty_that_has_a_candle_now_is_revised(tracker):
    tracker.answered([], span(10, 20), at(10), at(21))
    tracker.advance()
    assert tracker.answered([(at(15), row(1.0))], span(10, 20), at(10), at(22)) == [
        (at(15), row(1.0))
    ]


def test_what_comes_while_it_is_written_is_written_again_and_no_answer_takes_it_back(tracker):
    for minute in (11, 12, 14):
        tracker.said(candle(minute), at(minute + 0.5))
    tracker.prove(at(16))
    tracker.advance()
    spans, written = tracker.proved, {at(11): tracker.rows[at(11)], at(12): tracker.rows[at(12)]}
    tracker.said(candle(12, 5.0, sent=12.9), at(15.8))
    tracker.said(candle(13, 2.0), at(15.9))  # of which the lake is told that it is empty
    tracker.wrote(written, spans)
    assert tracker.proved & span(11, 14) == span(12, 14)
    tracker.answered([(at(12), row(1.0))], span(0, 14), at(0), at(17))
    assert [tracker.rows[at(minute)].volume for minute in (12, 13)] == [5.0, 2.0]
    assert span(12, 14) - tracker.proved == Spans()
