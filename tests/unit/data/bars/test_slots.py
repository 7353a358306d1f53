"""Slots of bars: of a width by arithmetic, of a session by its edges."""

from __future__ import annotations

import pytest

from marketkit.coverage import Span, Spans
from marketkit.data.bars import slots
from marketkit.data.bars.kinds import TimeBars, width_of
from marketkit.data.bars.slots import Scope
from marketkit.timeframe import DAY, HOUR, MINUTE, parse_time
from marketkit.window import parse_session

START = parse_time("2026-11-19T15:00")
HOURS = TimeBars(width_of("1h"))
SEOUL = TimeBars(width_of("1d"), parse_session("00:00 Asia/Seoul", width_of("1d")))
KINDS = pytest.mark.parametrize(("kind", "width"), [(HOURS, HOUR), (SEOUL, DAY)])


@KINDS
def test_opens_are_those_that_begin_in_a_span(kind, width):
    span = Span(START - 1, START + 2 * width)
    assert slots.opens(kind, span).dt.epoch("ms").to_list() == [START, START + width]
    assert slots.opens(kind, Span(START + 1, START + 2)).is_empty()
    assert slots.opens(kind, Span(START, START)).is_empty()


@KINDS
def test_a_moment_lies_between_two_opens(kind, width):
    assert [slots.floor(kind, START + each) for each in (0, width - 1)] == [START, START]
    assert [slots.ceil(kind, START + each) for each in (0, 1)] == [START, START + width]


@KINDS
def test_whole_slots_lie_within_what_is_covered(kind, width):
    covered = Spans(
        [(START - 1, START + 2 * width + 1), (START + 3 * width, START + 4 * width - 1)]
    )
    assert slots.whole(kind, covered) == Spans([(START, START + 2 * width)])
    assert not slots.whole(kind, Spans())


@KINDS
def test_the_forming_slot_is_known_from_its_beginning_to_now(kind, width):
    now = START + width + MINUTE
    window, known = Span(START, START + 2 * width), Spans([(START, now)])
    assert slots.forming(kind, Scope(window, known, now)) == START + width
    assert slots.forming(kind, Scope(window, Spans([(START, now - 1)]), now)) is None
    assert slots.forming(kind, Scope(Span(START, START + width), known, now)) is None
    assert slots.forming(kind, Scope(window, known)) is None
