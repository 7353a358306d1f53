"""The archive's way of closing gaps is counted beside that of REST."""

from __future__ import annotations

import pytest

from marketkit.data.fetch.archive.lookup import Looked
from marketkit.data.jobs.ways import WAYS, ArchiveCost, pages_of
from marketkit.exchange.upbit.archive.finding import Published
from marketkit.exchange.upbit.archive.keys import ArchiveFile, Shelf
from marketkit.timeframe import TIMEFRAMES, parse_time

MINUTES = TIMEFRAMES["1m"]


def test_files_cost_two_requests_each_and_their_bytes():
    cost = ArchiveCost(files=12, size=10_000_000, left_slots=600, left_requests=3, pages=12)
    assert cost.seconds(pace=10) == pytest.approx(12 * 2 * 0.17 / 4 + 2 + 1.5)


def test_the_columns_tell_of_both_ways():
    cost = ArchiveCost(files=12, size=10_000_000, left_slots=600, left_requests=3, pages=12)
    row = cost.row(2190, pace=10)
    assert len(row) == len(WAYS)
    assert row[:5] == (12, 10.0, 600, 3, 24.09)


def test_a_page_is_compared_for_each_month():
    shelf = Shelf("KRW-BTC", MINUTES)
    months = [ArchiveFile(shelf, "monthly", parse_time(f"2025-0{n}-01")) for n in (1, 2)]
    days = [ArchiveFile(shelf, "daily", parse_time(f"2025-03-0{n}")) for n in (1, 2)]
    looked = Looked("KRW-BTC", tuple(Published(each, 1) for each in (*months, *days)))
    assert pages_of(MINUTES, looked) == 3
