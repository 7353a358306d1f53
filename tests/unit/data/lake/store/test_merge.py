"""What becomes of stored candles when the exchange is asked again."""

from __future__ import annotations

import math

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketkit.coverage import Spans
from marketkit.data.lake.store.merge import Revision, merge
from marketkit.schema import NUMBERS, ROW, TIME

MINUTE = 60_000


def spans(*pairs):
    return Spans((start * MINUTE, end * MINUTE) for start, end in pairs)


def times_of(frame):
    return [time // MINUTE for time in frame["time"].cast(pl.Int64)]


def at(candles, *slots, **columns):
    return candles([slot * MINUTE for slot in slots], **columns)


def test_a_changed_number_is_one_revision_and_the_newer_wins(candles):
    old = at(candles, 0, 1, 2)
    new = pl.concat([at(candles, 0), at(candles, 1, volume=2.0), at(candles, 2)])
    merged = merge(old, new, spans((0, 3)), spans((0, 3)))
    assert merged.rows.equals(new)
    assert merged.changed == 1
    assert merged.revisions == [Revision(MINUTE, "volume", 1.0, 2.0)]


def test_each_changed_number_of_a_candle_is_a_revision_of_its_own(candles):
    merged = merge(
        at(candles, 0), at(candles, 0, close=99.0, low=98.0), spans((0, 1)), spans((0, 1))
    )
    assert merged.changed == 1
    assert {each.column for each in merged.revisions} == {"open", "high", "low", "close", "value"}


def test_the_same_answer_again_changes_nothing(candles):
    old = at(candles, 0, 1, 3, value=None)
    merged = merge(old, old[1:], spans((1, 9)), spans((0, 4)))
    assert merged.rows is old
    assert merged[1:] == (0, [])


def test_a_candle_in_a_slot_nobody_asked_about_is_news_and_no_revision(candles):
    merged = merge(at(candles, 0), at(candles, 1, 2), spans((1, 3)), spans((0, 1)))
    assert times_of(merged.rows) == [0, 1, 2]
    assert merged[1:] == (2, [])


def test_a_candle_in_a_slot_that_was_proved_empty_is_a_revision_from_nothing(candles):
    merged = merge(at(candles, 0), at(candles, 1, 2), spans((1, 3)), spans((0, 2)))
    assert merged.changed == 2
    assert merged.revisions == [
        Revision(MINUTE, column, None, 1.0 if column == "volume" else 100.0) for column in NUMBERS
    ]


def test_a_candle_that_the_answer_lacks_vanishes_and_is_a_revision_to_nothing(candles):
    merged = merge(at(candles, 0, 1, 2), at(candles, 0, 2), spans((0, 3)), spans((0, 3)))
    assert times_of(merged.rows) == [0, 2]
    assert merged.changed == 0
    assert [each.time for each in merged.revisions] == [MINUTE] * len(NUMBERS)
    assert {each.new for each in merged.revisions} == {None}


@pytest.mark.parametrize("covering", [[(1, 2), (4, 5)], [(0, 1), (2, 3)], []])
def test_only_candles_inside_of_what_was_asked_can_vanish(candles, covering):
    old = at(candles, 0, 1, 2, 3, 4)
    merged = merge(old, old[:0], spans(*covering), spans((0, 5)))
    asked = {slot for start, end in covering for slot in range(start, end)}
    assert times_of(merged.rows) == [slot for slot in range(5) if slot not in asked]


def test_a_turnover_that_becomes_known_is_news_and_no_revision(candles):
    merged = merge(at(candles, 0, value=None), at(candles, 0), spans((0, 1)), spans((0, 1)))
    assert merged.rows["value"].to_list() == [100.0]
    assert merged[1:] == (1, [])


def test_an_answer_without_turnover_leaves_the_stored_one(candles):
    old, new = at(candles, 0, 1), at(candles, 0, 1, close=100.0, value=None)
    merged = merge(old, new, spans((0, 2)), spans((0, 2)))
    assert merged.rows is old
    assert merged.changed == 0


def test_a_turnover_that_is_not_told_never_erases_a_known_one(candles):
    old, new = at(candles, 0), at(candles, 0, volume=3.0, value=None)
    merged = merge(old, new, spans((0, 1)), spans((0, 1)))
    assert merged.rows["value"].to_list() == [100.0]
    assert merged.revisions == [Revision(0, "volume", 1.0, 3.0)]


@pytest.mark.parametrize("slots", [3, 300])
def test_an_answer_in_many_pieces_is_merged_like_one_in_few(candles, slots):
    old = at(candles, *range(2 * slots))
    odd = [2 * slot + 1 for slot in range(slots)]
    new = at(candles, *odd[1:], volume=2.0)
    merged = merge(old, new, spans(*((slot, slot + 1) for slot in odd)), spans((0, 2 * slots)))
    assert times_of(merged.rows) == [slot for slot in range(2 * slots) if slot != 1]
    assert merged.rows.filter(pl.col("volume") == 2).height == merged.changed == slots - 1


def test_the_last_bit_of_a_number_counts(candles):
    old = at(candles, 0, volume=0.1)
    new = at(candles, 0, volume=math.nextafter(0.1, 1))
    revisions = merge(old, new, spans((0, 1)), spans((0, 1))).revisions
    assert revisions == [Revision(0, "volume", 0.1, math.nextafter(0.1, 1))]


def rows_of(volumes):
    times = pl.Series("time", [slot * MINUTE for slot in volumes], pl.Int64).cast(TIME)
    return pl.DataFrame({"time": times}).select(
        pl.lit("KRW-BTC").alias("symbol"),
        "time",
        *(pl.lit(100.0).alias(name) for name in NUMBERS[:4]),
        pl.Series("volume", list(volumes.values()), pl.Float64),
        pl.lit(None, pl.Float64).alias("value"),
    )


slots = st.dictionaries(st.integers(0, 19), st.sampled_from([1.0, 2.0]))
areas = st.sets(st.integers(0, 19))


@settings(deadline=None)
@given(slots, areas, slots, areas)
def test_merging_does_what_a_dictionary_would(stored, covered, told, asked):
    stored = {slot: stored[slot] for slot in sorted(stored) if slot in covered}
    told = {slot: told[slot] for slot in sorted(told) if slot in asked}
    merged = merge(
        rows_of(stored),
        rows_of(told),
        spans(*((slot, slot + 1) for slot in asked)),
        spans(*((slot, slot + 1) for slot in covered)),
    )
    expected = {slot: volume for slot, volume in stored.items() if slot not in asked} | told
    assert merged.rows.equals(rows_of(dict(sorted(expected.items()))))
    assert dict(merged.rows.schema) == dict(ROW)
    assert merged.changed == sum(stored.get(slot) != volume for slot, volume in told.items())
    volumes = {
        each.time // MINUTE: (each.old, each.new)
        for each in merged.revisions
        if each.column == "volume"
    }
    assert volumes == {
        slot: (stored.get(slot), told.get(slot))
        for slot in asked & covered
        if stored.get(slot) != told.get(slot)
    }
