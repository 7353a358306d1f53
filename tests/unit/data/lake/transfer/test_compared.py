"""What a lake has where files speak: the rows around, and the numbers that differ."""

from __future__ import annotations

import polars as pl
import pytest

from marketkit.coverage import Span, Spans
from marketkit.data.lake.store.knowledge import Knowledge
from marketkit.data.lake.transfer.claims import Claim
from marketkit.data.lake.transfer.compared import differences, rows_around
from marketkit.timeframe import DAY, MINUTE, TIMEFRAMES

ONE_MINUTE = TIMEFRAMES["1m"]


@pytest.fixture
def kept(lake, candles, january):
    """Ten minutes of January, and ten of March."""
    for first in (january, january + 60 * DAY):
        times = range(first, first + 10 * MINUTE, MINUTE)
        lake.append("KRW-BTC", "1m", candles(times), Spans([(first, first + 10 * MINUTE)]))
    return lake.select("KRW-BTC", "1m")


def test_the_nearest_candles_on_each_side_are_read_however_far_they_are(kept, january):
    span = Span(january + 30 * DAY, january + 30 * DAY + MINUTE)
    times = rows_around(kept, "KRW-BTC", span)["time"].cast(pl.Int64)
    assert (times.len(), times.is_sorted()) == (20, True)
    assert rows_around(kept, "KRW-ETH", span).is_empty() if "KRW-ETH" in kept.found else True


def test_a_span_within_has_what_it_meets(kept, january):
    span = Span(january + 5 * MINUTE, january + 7 * MINUTE)
    assert rows_around(kept, "KRW-BTC", span).height >= 10


def differ(rows, covering, stored, covered, nothing_before=None):
    claim = Claim(rows, rows.clear(), Spans(covering), 0, 0)
    known = Knowledge(ONE_MINUTE, Spans(covered), nothing_before)
    found = differences("KRW-BTC", ONE_MINUTE, claim, stored, known)
    return found.select(pl.col("time").cast(pl.Int64), "column", "lake", "file").rows()


def test_only_slots_that_both_tell_of_can_differ(candles):
    one, two = candles([0, MINUTE]), candles([0, MINUTE], volume=2.0)
    assert differ(two, [(0, 2 * MINUTE)], one, [(0, MINUTE)]) == [(0, "volume", 1.0, 2.0)]
    assert differ(two, [(0, 2 * MINUTE)], one, []) == []
    assert differ(one, [(0, 2 * MINUTE)], one, [(0, 2 * MINUTE)]) == []


def test_a_candle_on_one_side_differs_in_all_its_numbers(candles):
    both = [(0, 2 * MINUTE)]
    gone = differ(candles([0]), both, candles([0, MINUTE]), both)
    assert [row[1:] for row in gone][-2:] == [("volume", 1.0, None), ("value", 100.0, None)]
    assert len(differ(candles([0, MINUTE]), both, candles([0]), both)) == 6
    assert len(differ(candles([0]), [(0, MINUTE)], candles([]), [], MINUTE)) == 6


def test_a_turnover_that_one_side_does_not_know_is_no_difference(candles):
    both = [(0, MINUTE)]
    assert differ(candles([0], value=None), both, candles([0]), both) == []
    assert differ(candles([0]), both, candles([0], value=None), both) == []
