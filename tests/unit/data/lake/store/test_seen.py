"""Chunks as they count: the journal first, then the files, and again where another lies there."""

from __future__ import annotations

import pytest

from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.store import pages
from marketkit.data.lake.store.pending import Patched
from marketkit.timeframe import TIMEFRAMES
from marketkit.window import EVER

MINUTE = 60_000
SERIES = Series("upbit", "KRW-BTC", TIMEFRAMES["1m"])
OTHER = Series("upbit", "KRW-ETH", TIMEFRAMES["1m"])


@pytest.fixture(autouse=True)
def _every_chunk_is_large(monkeypatch):
    monkeypatch.setattr(pages, "_LARGE", 0)


@pytest.fixture
def append(candles, january):
    def append(lake, slot, symbol="KRW-BTC", volume=1.0):
        rows = candles([january + slot * MINUTE], symbol=symbol, volume=volume)
        spans = Spans([(january + slot * MINUTE, january + (slot + 1) * MINUTE)])
        lake.append(symbol, "1m", rows, spans)

    return append


def test_without_a_journal_chunks_are_the_very_ones_of_the_index(lake, append):
    append(lake, 1)
    append(lake, 1, "KRW-ETH")
    found, failures = lake.seen.survey([SERIES, OTHER])
    assert failures == {}
    assert all(found[each] is lake.index.entries(each) for each in (SERIES, OTHER))
    assert lake.seen.stored("upbit", TIMEFRAMES["1m"]) == [SERIES, OTHER]


def test_with_one_they_tell_of_both_and_are_the_same_list_until_it_grows(lake, append):
    append(lake, 1)
    append(lake, 2)
    reader = Lake(lake.root)
    (found,) = reader.seen.entries(SERIES)
    assert isinstance(found, Patched)
    assert (found.footer.rows, found.footer.covered.total) == (2, 2 * MINUTE)
    assert reader.seen.entries(SERIES) is reader.seen.entries(SERIES)
    append(lake, 3)
    assert reader.seen.entries(SERIES)[0].footer.rows == 3


def test_who_looks_while_pages_go_into_chunks_looks_again(lake, append, monkeypatch):
    append(lake, 1)
    append(lake, 2)
    reader, inner = Lake(lake.root), Lake(lake.root)
    survey, looks = reader.index.survey, []

    def between(wanted):
        if not looks:  # the journal is read: now another writer compacts, and begins a new one
            inner.compact()
            append(inner, 2, volume=5.0)
        looks.append(wanted)
        return survey(wanted)

    monkeypatch.setattr(reader.index, "survey", between)
    assert reader.read("KRW-BTC", "1m")["volume"].to_list() == [1.0, 5.0]
    assert len(looks) == 2


def test_a_file_that_was_replaced_after_the_look_has_what_waited(lake, append):
    append(lake, 1)
    append(lake, 2, volume=2.0)
    reader = Lake(lake.root)
    found = reader.select("KRW-BTC", "1m")
    lake.compact()
    append(lake, 2, volume=3.0)
    lake.compact()
    rows = found.read(EVER)
    assert rows["volume"].to_list() == [1.0, 3.0]
