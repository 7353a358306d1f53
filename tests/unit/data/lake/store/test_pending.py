"""Pages over the rows of a chunk: of a slot the newest page counts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from marketkit.coverage import Spans
from marketkit.data.lake.format.chunk import Entry, Stamp, describe
from marketkit.data.lake.format.journal import Record, columns_of
from marketkit.data.lake.store.merge import Revision
from marketkit.data.lake.store.pending import (
    Patched,
    covered_with,
    newest_of,
    patched,
    revised,
    told,
    told_of,
)

MINUTE = 60_000


@pytest.fixture
def page(candles, january):
    """Make a page for some slots, with candles of one volume in some of them."""

    def page(number: int, first: int, end: int, slots: list[int], volume: float) -> Record:
        rows = candles([january + slot * MINUTE for slot in slots], volume=volume)
        covered = Spans([(january + first * MINUTE, january + end * MINUTE)])
        changes = ((january + first * MINUTE, "volume", 1.0, volume),)
        place = ("0" * 32, number, "2024-01", covered, number)
        return Record(*place, 9, january, january + MINUTE, changes, columns_of(rows))

    return page


@pytest.fixture
def rows(candles, january):
    return candles([january + slot * MINUTE for slot in range(6)], volume=1.0)


def test_later_pages_count_and_rows_that_they_lack_go(page, rows):
    both = [page(1, 1, 4, [1, 2, 3], 2.0), page(2, 3, 5, [4], 3.0)]
    assert told(both, "KRW-BTC", rows)["volume"].to_list() == [1.0, 2.0, 2.0, 3.0, 1.0]
    assert told([], "KRW-BTC", rows) is rows


def test_rows_are_given_for_slots_and_the_slots_that_no_page_tells_of(page, january):
    both = [page(1, 0, 3, [0, 1, 2], 2.0), page(2, 2, 4, [2], 3.0)]
    wanted = Spans([(january + MINUTE, january + 6 * MINUTE)])
    found, left = newest_of(both, wanted, "KRW-BTC")
    assert found["volume"].to_list() == [2.0, 3.0]
    assert left == Spans([(january + 4 * MINUTE, january + 6 * MINUTE)])
    assert told_of(both) == Spans([(january, january + 4 * MINUTE)])


def test_a_page_that_rotted_makes_slots_unknown_until_another_tells_of_them(page, january):
    rotten = replace(page(1, 0, 4, [1], 2.0), columns=None)
    known = Spans([(january, january + 6 * MINUTE)])
    assert covered_with([rotten], known) == Spans([(january + 4 * MINUTE, january + 6 * MINUTE)])
    again = page(2, 0, 4, [1], 3.0)
    assert covered_with([rotten, again], known) == known
    assert revised([rotten, again]) == [(Revision(january, "volume", 1.0, 3.0), 2)]


def test_a_chunk_says_what_it_and_its_pages_are_together(page, rows, january):
    known = Spans([(january, january + 6 * MINUTE)])
    footer = describe(rows, known, None)
    entry = Entry("2024-01", Stamp(1, 2, 3), footer, "hash")
    assert patched(entry, footer, "KRW-BTC", []) is entry
    found = patched(entry, footer, "KRW-BTC", [page(1, 5, 9, [5, 8], 2.0)])
    assert isinstance(found, Patched)
    assert (found.footer.rows, found.footer.first, found.sha256) == (9, january, "hash")
    assert found.footer.covered == Spans([(january, january + 9 * MINUTE)])
    assert found.over(rows)["volume"].to_list() == [1.0] * 5 + [2.0, 2.0]
    window = rows[:2]
    span = (january, january + 2 * MINUTE)
    assert found.over(window, span).equals(window)
