"""Unsettled candles come along where nothing is known, and stay unproved."""

from __future__ import annotations

import pytest

from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.store.unsettled import Unsettled
from marketkit.data.lake.transfer.unproved import take_unproved, unproved_of
from marketkit.timeframe import MINUTE, TIMEFRAMES
from tests.unit.data.lake.conftest import make_candles

SERIES = Series("upbit", "KRW-BTC", TIMEFRAMES["1m"])


@pytest.fixture
def other(tmp_path, january):
    """Three minutes that a file showed."""
    other = Lake(tmp_path / "other")
    times = range(january, january + 3 * MINUTE, MINUTE)
    Unsettled(other).keep(SERIES, make_candles(times, close=7.0))
    return other


def test_only_candles_of_slots_without_any_are_new(lake, other, january):
    lake.append("KRW-BTC", "1m", make_candles([]), Spans([(january, january + MINUTE)]))
    Unsettled(lake).keep(SERIES, make_candles([january + MINUTE], close=9.0))
    assert take_unproved(lake, other, SERIES, dry_run=True) == 1
    assert take_unproved(lake, other, SERIES) == 1
    assert lake.unsettled("KRW-BTC")["close"].to_list() == [9.0, 7.0]
    assert take_unproved(lake, other, SERIES) == 0
    assert lake.covered("KRW-BTC", "1m").hull == (january, january + MINUTE)


def test_series_with_nothing_but_such_candles_are_found(lake, other):
    assert unproved_of(other, TIMEFRAMES["1m"]) == [SERIES]
    assert unproved_of(other, TIMEFRAMES["1h"]) == []
    assert unproved_of(lake, TIMEFRAMES["1m"]) == []
    assert take_unproved(other, lake, SERIES) == 0
