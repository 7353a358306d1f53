"""Files are put together that share a chunk, and what is lacking includes what REST has no longer."""

from __future__ import annotations

import pytest

from marketkit.coverage import Span, Spans
from marketkit.data.fetch.archive.lookup import Looked, groups, has_width, lacking
from marketkit.data.lake import Lake
from marketkit.exchange.upbit.archive.finding import Published
from marketkit.exchange.upbit.archive.keys import ArchiveFile, Shelf
from marketkit.schema import ROW, empty
from marketkit.timeframe import DAY, TIMEFRAMES, parse_time

MINUTES, HOURS = TIMEFRAMES["1m"], TIMEFRAMES["1h"]


def published(symbol, timeframe, *dates):
    shelf = Shelf(symbol, timeframe)
    files = [
        ArchiveFile(shelf, "daily" if len(date) == 10 else "monthly", parse_time(f"{date}-01"[:10]))
        for date in dates
    ]
    return Looked(symbol, tuple(Published(each, 1000) for each in files))


def parts(timeframe, several, order="newest"):
    return [(x.symbol, x.chunk, len(x.files)) for x in groups(timeframe, several, order)]


def test_days_of_one_month_of_minutes_are_one_group():
    looked = published("KRW-BTC", MINUTES, "2025-01", "2025-02-01", "2025-02-02")
    assert parts(MINUTES, [looked]) == [("KRW-BTC", "2025-02", 2), ("KRW-BTC", "2025-01", 1)]


def test_all_months_of_hours_are_one_group():
    looked = published("KRW-BTC", HOURS, "2024-12", "2025-01", "2025-02-01")
    assert parts(HOURS, [looked]) == [("KRW-BTC", "all", 3)]


@pytest.mark.parametrize(
    ("order", "first"),
    [
        ("newest", ("KRW-BTC", "2025-02", 1)),
        ("oldest", ("KRW-BTC", "2025-01", 1)),
        ("symbols", ("KRW-BTC", "2025-02", 1)),
    ],
)
def test_groups_come_in_the_order_of_the_work(order, first):
    both = [published(name, MINUTES, "2025-01", "2025-02") for name in ("KRW-ETH", "KRW-BTC")]
    found = parts(MINUTES, both, order)
    assert found[0] == first
    assert len(found) == 4
    second = ("KRW-BTC", "2025-01", 1) if order == "symbols" else ("KRW-ETH", first[1], 1)
    assert found[1] == second


def test_files_of_a_group_ascend():
    looked = published("KRW-BTC", MINUTES, "2025-02-02", "2025-02-01")
    (group,) = groups(MINUTES, [looked], "newest")
    assert [each.file.start for each in group.files] == [group.start, group.start + DAY]
    assert group.end == group.start + 2 * DAY


def test_seconds_that_rest_has_no_longer_are_lacking(tmp_path):
    lake, seconds = Lake(tmp_path), TIMEFRAMES["1s"]
    lake.append("KRW-BTC", "1s", empty(ROW), Spans([(DAY, 2 * DAY)]), nothing_before=DAY)
    assert lacking(lake, "KRW-BTC", seconds, Span(0, 2 * DAY)) == Spans([(0, DAY)])


def test_minutes_from_before_the_listing_are_not(tmp_path):
    lake = Lake(tmp_path)
    lake.append("KRW-BTC", "1m", empty(ROW), Spans([(DAY, 2 * DAY)]), nothing_before=DAY)
    assert lacking(lake, "KRW-BTC", MINUTES, Span(0, 3 * DAY)) == Spans([(2 * DAY, 3 * DAY)])


def test_years_are_not_in_the_archive():
    assert not has_width(TIMEFRAMES["1y"])
    assert has_width(TIMEFRAMES["1M"])
