"""A series in two lakes: what is taken of a chunk, and what is only a difference."""

from __future__ import annotations

import pytest

from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.transfer.pairing import SeriesPair
from marketkit.errors import CorruptFile
from marketkit.schema import ROW, empty
from marketkit.timeframe import MINUTE, TIMEFRAMES
from tests.unit.data.lake.conftest import make_candles

SERIES = Series("upbit", "KRW-BTC", TIMEFRAMES["1m"])


@pytest.fixture
def keep(tmp_path, january):
    def lake(name: str, start: int, end: int, **columns: object) -> Lake:
        made = Lake(tmp_path / name)
        edges = january + start * MINUTE, january + end * MINUTE
        made.append("KRW-BTC", "1m", make_candles(range(*edges, MINUTE), **columns), Spans([edges]))
        return made

    return lake


def pair(lake, other, prefer="lake", now=1 << 42):
    return SeriesPair.of(lake, other, SERIES, prefer, now)


def test_only_what_nobody_knew_is_taken_unless_the_other_is_preferred(keep, january):
    lake, other = keep("lake", 0, 5), keep("other", 3, 8, close=101.0)
    ((_, part),) = pair(lake, other).parts()
    fresh = Spans([(january + 5 * MINUTE, january + 8 * MINUTE)])
    assert (part.fresh, part.page.covering, part.fresh_candles) == (fresh, fresh, 3)
    assert part.differing.height == 2
    ((_, part),) = pair(lake, other, "other").parts()
    assert (part.fresh, part.page.rows.height, part.fresh_candles) == (fresh, 5, 3)
    assert part.page.covering == part.proved


def test_of_differing_slots_those_are_taken_that_were_seen_to_change_later(keep, january):
    lake, other = keep("lake", 0, 3), keep("other", 0, 5)
    for at, (mine, theirs) in enumerate([(9_000, 5_000), (5_000, 9_000)]):
        slot = [(january + at * MINUTE, january + (at + 1) * MINUTE)]
        for one, close, seen_at in ((lake, 110.0, mine), (other, 120.0, theirs)):
            rows = make_candles([slot[0][0]], close=close)
            one.append("KRW-BTC", "1m", rows, Spans(slot), seen_at=seen_at)
    ((_, part),) = pair(lake, other, "newer").parts()
    assert part.replaced == Spans([(january + MINUTE, january + 2 * MINUTE)])
    assert part.fresh == Spans([(january + 3 * MINUTE, january + 5 * MINUTE)])
    assert part.page.covering == part.replaced | part.fresh
    pages = [(page.covering, only_unknown) for page, only_unknown in part.pages("newer")]
    assert pages == [(part.fresh, True), (part.replaced, False)]
    ((_, part),) = pair(lake, other, "other").parts()
    assert [only_unknown for _, only_unknown in part.pages("other")] == [False]


def test_a_slot_ends_before_it_is_taken(keep, january):
    lake, other = keep("lake", 0, 1), keep("other", 1, 9)
    ((_, part),) = pair(lake, other, now=january + 4 * MINUTE - 1).parts()
    assert part.proved.hull == (january + MINUTE, january + 3 * MINUTE)


def test_a_file_with_the_same_bytes_is_not_decoded(keep, january):
    lake = keep("lake", 0, 5)
    lake.freeze("set")
    ((_, part),) = pair(lake, lake.as_of("set")).parts()
    assert part.page.covering == Spans()
    assert part.proved.hull == (january, january + 5 * MINUTE)


def test_a_beginning_is_taken_where_no_older_candle_is_known_here_alone(keep, january):
    lake, other, third = keep("lake", 0, 5), keep("other", 3, 8), keep("third", 0, 9)
    assert pair(lake, other).beginning() is None
    for each in (other, third):
        each.append("KRW-BTC", "1m", empty(ROW), Spans(), nothing_before=january + 3 * MINUTE)
    assert pair(lake, other).beginning() is None
    assert pair(lake, third).beginning() == (january + 3 * MINUTE, "one answer")
    assert pair(other, third).beginning() is None  # known already


def test_a_file_that_cannot_be_read_is_named(keep):
    lake, other = keep("lake", 0, 5), keep("other", 3, 8)
    (path,) = (other.root / SERIES.folder).glob("*.parquet")
    both = pair(lake, other)
    path.unlink()
    with pytest.raises(CorruptFile, match=str(path)):
        list(both.parts())


@pytest.mark.parametrize(
    ("ours", "theirs", "taken"),
    [
        ((3, "one answer"), (3, "months"), True),
        ((3, "one answer"), (2, "two answers"), True),
        ((3, "one answer"), (4, "one answer"), True),
        ((3, "one answer"), (2, "one answer"), False),
        ((3, "months"), (4, "one answer"), False),
        ((3, "months"), (4, "two answers"), True),
        ((3, "two answers"), (3, "months"), False),
    ],
)
def test_a_beginning_counts_by_its_proof(keep, january, ours, theirs, taken):
    lake, other = keep("lake", 5, 6), keep("other", 5, 6)
    for each, (slot, rests_on) in ((lake, ours), (other, theirs)):
        moment = january + slot * MINUTE
        each.append("KRW-BTC", "1m", empty(ROW), Spans(), nothing_before=moment, rests_on=rests_on)
    found = pair(lake, other).beginning()
    assert (found is not None) is taken
