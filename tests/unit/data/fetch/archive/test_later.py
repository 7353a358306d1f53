"""Of a file and of REST the one is believed who saw the candle later, by the exchange's clock."""

from __future__ import annotations

import polars as pl
import pytest

from marketkit.coverage import Spans
from marketkit.data.fetch.archive.later import seen_later, told_at
from marketkit.data.lake import Lake
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.format.provenance import Source
from marketkit.schema import ROW
from marketkit.timeframe import DAY, TIMEFRAMES, parse_time

HOURS = TIMEFRAMES["1h"]
SERIES = Series("upbit", "KRW-BTC", HOURS)
START = parse_time("2025-03-02")
HOUR = 3_600_000
PUBLISHED = parse_time("2025-03-03T01:00")


def source(modified="2025-03-03T01:00:00Z", at=PUBLISHED + DAY):
    return Source("key", "ab" * 32, 9, modified, at, START, START + DAY)


@pytest.fixture
def lake(tmp_path):
    """A lake that took the number of one hour back, a moment after the file's publication."""
    lake = Lake(tmp_path)
    for close, seen_at in ((1.0, PUBLISHED - HOUR), (2.0, PUBLISHED + 1)):
        lake.append("KRW-BTC", "1h", hour(close), Spans([(START, START + HOUR)]), seen_at=seen_at)
    return lake


def hour(close):
    numbers = dict.fromkeys(("open", "high", "low", "close", "volume", "value"), close)
    frame = pl.DataFrame({"symbol": "KRW-BTC", "time": START, **numbers})
    return frame.cast({"time": ROW["time"]}).select(*ROW)


def test_a_file_saw_its_candles_when_it_was_published():
    assert told_at(source()) == PUBLISHED
    assert told_at(source(modified=None, at=7)) == 7
    assert told_at(source(modified="who knows", at=7)) == 7
    assert told_at(source(at=PUBLISHED - 5)) == PUBLISHED - 5  # nobody fetches what is to come


def test_what_was_seen_after_the_publication_is_later(lake):
    assert seen_later(lake, SERIES, [source()]) == Spans([(START, START + HOUR)])


def test_what_was_seen_before_it_is_not(lake):
    assert not seen_later(lake, SERIES, [source("2025-03-03T02:00:00Z")])


def test_other_times_are_not_asked_about(lake):
    other = source()._replace(start=START + HOUR)
    assert not seen_later(lake, SERIES, [other])


def test_a_lake_that_took_nothing_back_has_nothing_later(tmp_path):
    lake = Lake(tmp_path)
    lake.append("KRW-BTC", "1h", hour(1.0), Spans([(START, START + HOUR)]))
    assert not seen_later(lake, SERIES, [source()])
