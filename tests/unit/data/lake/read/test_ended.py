"""Of a market that nobody can be asked about the lake gives what is proved, and what lacks."""

from __future__ import annotations

import pytest

from marketkit.coverage import Span, Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.read.ended import from_kept
from marketkit.errors import CorruptFile
from marketkit.schema import CANDLE
from marketkit.timeframe import DAY, HOUR, MINUTE, TIMEFRAMES, parse_time
from marketkit.window import read_window
from tests.unit.data.lake.conftest import make_candles

OLD = "KRW-OLD"
START = parse_time("2026-01-01")
END = START + HOUR
GONE = START + DAY


@pytest.fixture
def lake(tmp_path):
    """Two pieces of an hour of minutes, ten minutes apart, of which every other one traded."""
    lake = Lake(tmp_path)
    for first, last in ((START, START + 20 * MINUTE), (START + 30 * MINUTE, END)):
        rows = make_candles(range(first, last, 2 * MINUTE), OLD)
        lake.append(OLD, "1m", rows, Spans([(first, last)]))
    return lake


def kept(lake, *, start=None, end=None, count=None, fill="none", timeframe="1m"):
    window = read_window(timeframe, start, end, count, fill=fill)
    found = from_kept(lake, [OLD, "KRW-NEVER"], window, {OLD: GONE, "KRW-NEVER": GONE})
    assert found.candles.frame.columns == list(CANDLE)
    return found


def test_a_range_is_answered_as_far_as_it_is_proved(lake):
    found = kept(lake, start="2026-01-01", end="2026-01-01T02:00")
    assert found.candles.frame.height == 25
    assert found.covered == {OLD: Spans([(START, START + 20 * MINUTE), (START + 30 * MINUTE, END)])}
    assert found.lacking[OLD] == Spans(
        [(START + 20 * MINUTE, START + 30 * MINUTE), (END, END + HOUR)]
    )
    assert found.candles.failures == {}


def test_nothing_lacks_after_the_market_was_gone(lake):
    assert list(kept(lake, start="2026-01-01T00:30").lacking[OLD]) == [Span(END, GONE)]
    assert not kept(lake, start="2026-01-03").lacking[OLD]


def test_filled_slots_are_the_proved_ones(lake):
    rows = kept(lake, start="2026-01-01", end="2026-01-01T02:00", fill="forward").candles.frame
    assert rows.height == 50
    assert rows.filter(state="empty").height == 25


def test_the_newest_are_counted_back_from_the_end_of_the_proof(lake):
    found = kept(lake, count=5)
    assert found.candles.frame.height == 5
    assert list(found.lacking[OLD]) == [Span(END, GONE)]
    assert kept(lake, count=5, fill="null").candles.frame["time"].diff()[1:].unique().len() == 1
    assert next(iter(kept(lake, count=26).lacking[OLD])) == Span(0, START)


def test_without_a_range_all_that_is_there_is_meant(lake):
    found = kept(lake)
    assert found.candles.frame.height == 25
    assert next(iter(found.lacking[OLD])) == Span(START + 20 * MINUTE, START + 30 * MINUTE)


def test_a_corrupt_file_is_the_failure_of_its_own_symbol(lake):
    lake.append("KRW-ADA", "1m", make_candles([START], "KRW-ADA"), Spans([(START, END)]))
    (file,) = (lake.root / Series("upbit", "KRW-ADA", TIMEFRAMES["1m"]).folder).glob("*.parquet")
    file.write_bytes(b"no candles")
    window = read_window("1m", "2026-01-01", "2026-01-01T01:00", None)
    found = from_kept(lake, ["KRW-ADA", OLD], window, {"KRW-ADA": GONE, OLD: GONE})
    assert isinstance(found.candles.failures["KRW-ADA"], CorruptFile)
    assert set(found.candles.failures) == {"KRW-ADA"}
    assert set(found.covered) == {OLD}
    assert found.candles.frame.height == 25


def test_a_market_that_the_lake_does_not_know_is_in_no_part(lake):
    found = kept(lake, start="2026-01-01", timeframe="1s")
    assert (found.candles.frame.height, found.covered, found.lacking) == (0, {}, {})
