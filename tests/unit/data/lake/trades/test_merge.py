"""Answers merged with a stored day."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from marketkit.coverage import Spans
from marketkit.data.lake.trades.day import STORED
from marketkit.data.lake.trades.merge import merge
from marketkit.data.lake.trades.rows import TradePage, checked
from marketkit.schema import empty
from tests.unit.data.lake.trades.conftest import DAY, FIRST, NOON, as_archived, make_trades

WHOLE = Spans([(FIRST, FIRST + DAY)])


def shaped(rows, covering=WHOLE):
    return checked("KRW-BTC", TradePage(rows, covering)).rows


def stored(rows, covering=WHOLE):
    return merge(empty(STORED), shaped(rows, covering), covering, Spans()).rows


def test_a_first_answer_is_the_day():
    merged = merge(empty(STORED), shaped(make_trades([NOON])), WHOLE, Spans())
    assert (merged.rows.height, merged.changed, merged.revised.height) == (1, 1, 0)


def test_the_same_answer_again_changes_nothing():
    old = stored(make_trades([NOON, NOON + 1]))
    merged = merge(old, shaped(make_trades([NOON, NOON + 1])), WHOLE, WHOLE)
    assert merged.rows is old
    assert merged.changed == 0


def test_the_archive_leaves_trades_the_numbers_of_rest():
    known = make_trades([NOON, NOON, NOON + 1], [5, 6, 7])
    merged = merge(stored(known), shaped(as_archived(known)), WHOLE, Spans([(NOON, NOON + 2)]))
    assert merged.rows["sequential_id"].to_list() == [5, 6, 7]
    assert merged.rows["prev_close"].null_count() == 0
    assert not merged.revised.height


def test_rest_gives_trades_of_the_archive_their_numbers():
    known = make_trades([NOON, NOON, NOON + 1], [5, 6, 7])
    merged = merge(stored(as_archived(known)), shaped(known), WHOLE, WHOLE)
    assert merged.rows["sequential_id"].to_list() == [5, 6, 7]
    assert merged.changed
    assert not merged.revised.height


def test_of_equal_trades_the_first_is_the_first():
    twins = make_trades([NOON] * 3, [1, 2, 3], volumes=[1, 1, 1])
    merged = merge(stored(as_archived(twins)), shaped(twins), WHOLE, WHOLE)
    assert merged.rows["sequential_id"].to_list() == [1, 2, 3]


def test_what_came_or_went_though_it_was_proved_is_revised():
    old = stored(make_trades([NOON, NOON + 1], [1, 2]))
    new = shaped(make_trades([NOON + 1, NOON + 2], [2, 3], volumes=[2, 3]))
    merged = merge(old, new, WHOLE, Spans([(NOON, NOON + 5)]))
    assert merged.revised["sequential_id"].to_list() == [1, 3]
    assert merged.revised["came"].to_list() == [False, True]
    assert merged.rows["sequential_id"].to_list() == [2, 3]


def test_what_nobody_knew_is_news_and_no_revision():
    old = stored(make_trades([NOON]), Spans([(NOON, NOON + 1)]))
    new = shaped(make_trades([NOON + 3], [9]), Spans([(NOON + 2, NOON + 5)]))
    merged = merge(old, new, Spans([(NOON + 2, NOON + 5)]), Spans([(NOON, NOON + 1)]))
    assert merged.rows["sequential_id"].to_list() == [1, 9]
    assert merged.rows["seq"].to_list() == [0, 1]
    assert (merged.changed, merged.revised.height) == (1, 0)


_TRADES = st.lists(st.tuples(st.integers(0, 5), st.integers(1, 3)), max_size=12)


@given(_TRADES, _TRADES, st.tuples(st.integers(0, 6), st.integers(0, 6)))
def test_outside_of_an_answer_nothing_changes_and_inside_it_counts(before, after, window):
    low, high = NOON + min(window), NOON + max(window)
    covering = Spans([(low, high)])

    def made(rows, first):
        rows = sorted(rows)
        times, volumes = [NOON + at for at, _ in rows], [volume for _, volume in rows]
        return make_trades(times, range(first, first + len(rows)), volumes=volumes)

    old = stored(made(before, 1))
    new = made(after, 100).filter(
        pl.col("time").dt.epoch("ms").is_between(low, high, closed="left")
    )
    rows = merge(old, shaped(new, covering), covering, WHOLE).rows
    inside = pl.col("time").dt.epoch("ms").is_between(low, high, closed="left")
    told = ["time", "price", "volume", "side"]
    assert rows.filter(inside).select(told).equals(shaped(new, covering).select(told))
    assert rows.filter(~inside).drop("seq").equals(old.filter(~inside).drop("seq"))
    assert rows["seq"].to_list() == list(range(rows.height))
