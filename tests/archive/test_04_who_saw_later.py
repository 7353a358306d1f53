"""Files and REST overlap: the one that saw later is believed, and the lake says what changed."""

from __future__ import annotations

import pytest

from marketkit.data.lake.lake import Lake
from marketkit.timeframe import parse_time
from tests.archive import ingesting
from tests.archive.ingesting import sandbox

DAY = "KRW-BTC_candle-1m_20250302"
START, END = "2025-03-02", "2025-03-03"
PART = {"start": "2025-03-02T11:00", "end": "2025-03-02T13:00"}  # the middle row is in this
DEARER = 1.5


def filled(exchange, lake, **more):
    """Do a backfill of a day of minutes."""
    return ingesting.filled(exchange, lake, **{"width": "1m", "start": START, "end": END} | more)


@pytest.fixture
def exchange():
    with sandbox() as one:
        yield one


@pytest.fixture(autouse=True)
def _accepted(monkeypatch):
    monkeypatch.setenv("MARKETKIT_ARCHIVE_TERMS", "accepted")


@pytest.fixture
def lake(tmp_path):
    return Lake(tmp_path / "lake")


@pytest.fixture
def truth(exchange, tmp_path):
    """The candles of REST."""
    filled(exchange, tmp_path / "rest", archive=False)
    return closes(Lake(tmp_path / "rest"))


def closes(lake):
    return lake.read("KRW-BTC", "1m", parse_time(START), parse_time(END))["close"].to_list()


def test_a_file_is_believed_over_a_page_of_rest_that_told_less_of_the_day(exchange, lake, truth):
    filled(exchange, lake.root, archive=False, **PART)
    exchange.strike("republished", path="archive", symbol=DAY, value=DEARER)
    report = filled(exchange, lake.root)
    assert report.complete
    changed = [(ours, rest) for ours, rest in zip(closes(lake), truth, strict=True) if ours != rest]
    assert changed == [(pytest.approx(changed[0][1] * DEARER), changed[0][1])]
    assert report.revisions == 4  # its four prices
    seen = lake.revisions("KRW-BTC", "1m")["seen_at"].dt.to_string("%Y-%m-%dT%H:%M").unique()
    assert seen.to_list() == ["2025-03-04T01:00"]  # the publication


def test_a_later_answer_of_rest_is_believed_over_older_files(exchange, lake, truth):
    exchange.strike("republished", path="archive", symbol=DAY, value=DEARER)
    filled(exchange, lake.root)
    assert closes(lake) != truth
    # Asked again, REST says its own number on the fifth.
    assert filled(exchange, lake.root, archive=False, verify="4d").revisions == 4
    assert closes(lake) == truth
    # Another version of the day, and then one with that price again, of the fourth as before.
    exchange.strike("none")
    assert filled(exchange, lake.root, verify="4d").archive.again == 1
    exchange.strike("republished", path="archive", symbol=DAY, value=DEARER)
    report = filled(exchange, lake.root, verify="4d")
    assert (report.archive.again, report.revisions) == (1, 0)
    assert closes(lake) == truth
    assert filled(exchange, lake.root, verify="4d").archive.again == 0
