"""Lines of a log in order, and none told twice."""

from __future__ import annotations

from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.store.log_order import as_seen, once, overlap
from marketkit.data.lake.store.merge import Revision
from marketkit.timeframe import TIMEFRAMES

SERIES = Series("upbit", "KRW-BTC", TIMEFRAMES["1m"])
JANUARY, FEBRUARY = 1_704_067_200_000, 1_706_745_600_000


def line(time: int, seen_at: int, new: float = 1.0) -> tuple[Revision, int]:
    return Revision(time, "volume", None, new), seen_at


def test_the_part_that_a_dead_writer_added_is_told_from_the_rest():
    assert overlap("xxab", "abc") == 2
    assert overlap("xxabc", "abc") == 3
    assert overlap("abc", "xabc") == 0
    assert overlap("aa", "aab") == 2
    assert overlap("", "ab") == overlap("ab", "") == 0


def test_a_line_said_again_at_once_counts_once():
    first, other = line(JANUARY, 1), line(JANUARY, 2, 2.0)
    assert list(once([first, line(JANUARY, 9), other, first])) == [first, other, first]


def test_lines_in_order_stay_as_they_are_whatever_their_chunks():
    lines = [line(JANUARY, 1), line(FEBRUARY, 2), line(JANUARY, 2)]
    assert as_seen(SERIES, lines) is lines


def test_lines_of_chunks_one_behind_the_other_are_put_into_the_order_of_moments():
    older = [line(JANUARY, 1), line(JANUARY, 4, 2.0)]
    newer = [line(FEBRUARY, 2), line(FEBRUARY, 3, 2.0)]
    assert [each[1] for each in as_seen(SERIES, [*older, *newer])] == [1, 2, 3, 4]


def test_lines_of_one_chunk_keep_their_order_when_a_clock_went_back():
    lines = [line(JANUARY, 5), line(JANUARY, 3, 2.0)]
    assert as_seen(SERIES, lines) == lines
