"""The tree shows what is over and published, and nothing else."""

from __future__ import annotations

import pytest

from marketkit.sandbox.archive.tree import INTERVALS, File, Tree
from marketkit.sandbox.control import moment
from marketkit.sandbox.markets import Markets, Order
from marketkit.sandbox.recorded import Recorded
from marketkit.sandbox.widths import DAY, WIDTHS

NOW = moment("2025-03-05T10:00")


@pytest.fixture
def tree(markets):
    """The tree of a new exchange."""
    return Tree(markets)


def dates(tree, folder, now=NOW):
    return [each.stem.rpartition("_")[2] for each in tree.children(folder, now) or ()]


def test_a_market_has_twelve_widths_months_below_monthly_and_weeks_below_daily(tree):
    daily, monthly = (
        set(tree.children(f"candle/KRW-BTC/{cut}", NOW)) for cut in ("daily", "monthly")
    )
    assert daily == set(INTERVALS) - {"month"}
    assert monthly == set(INTERVALS) - {"week"}
    assert tree.children("candle/KRW-BTC", NOW) == ["daily", "monthly"]
    assert tree.children("trade/KRW-BTC", NOW) == ["daily"]


def test_a_day_is_published_at_one_oclock_of_the_next(tree):
    folder = "candle/KRW-BTC/daily/1m/2025"
    assert dates(tree, folder)[-1] == "20250304"
    assert dates(tree, folder, moment("2025-03-05T00:59"))[-1] == "20250303"
    assert dates(tree, folder, moment("2025-03-05T01:00"))[-1] == "20250304"
    assert dates(tree, "candle/KRW-BTC/monthly/1m/2025") == ["202501", "202502"]


def test_weeks_are_dated_by_their_mondays(tree):
    found = tree.children("candle/KRW-BTC/daily/week/2025", NOW)
    assert [each.stem[-8:] for each in found[:2]] == ["20250106", "20250113"]
    assert all(WIDTHS["1w"].floor(each.start) == each.start for each in found)


def test_the_archive_begins_in_2017_seconds_and_trades_later(tree):
    assert dates(tree, "candle/KRW-BTC/daily/1m/2017")[0] == "20171024"
    assert dates(tree, "candle/KRW-BTC/monthly/1m/2017")[0] == "201710"
    assert dates(tree, "candle/KRW-BTC/daily/week/2017")[0] == "20171030"
    assert dates(tree, "candle/KRW-BTC/daily/1s/2023")[0] == "20230901"
    assert dates(tree, "trade/KRW-BTC/daily/2022")[0] == "20220501"
    (first, *_) = tree.children("candle/KRW-BTC/monthly/1m/2017", NOW)
    assert first.first == moment("2017-10-24")


@pytest.mark.parametrize(
    "folder",
    ["", "x", "candle/", "candle/KRW-NONE", "candle/krw-btc", "candle/KRW-BTC/weekly",
     "candle/KRW-BTC/daily/1y", "candle/KRW-BTC/daily/month", "candle/KRW-BTC/monthly/week",
     "candle/KRW-BTC/daily/1m/1999", "candle/KRW-BTC/daily/1m/x", "candle/KRW-BTC/daily/1m/2025/x",
     "trade/KRW-BTC/daily/1m", "trade/KRW-BTC/monthly"],
)  # fmt: skip
def test_a_folder_that_is_not_there_has_nothing(tree, folder):
    assert not tree.children(folder, NOW)


def test_every_file_is_found_by_its_key_once_it_is_published(tree):
    for folder in ("candle/KRW-BTC/daily/60m/2024", "trade/KRW-BTC/daily/2025"):
        (file, *_) = tree.children(folder, NOW)
        assert tree.file(file.key, NOW) == file
        assert tree.file(file.key, file.published - 1) is None
    assert tree.file("candle/KRW-BTC/daily/1m/2025/KRW-BTC_candle-1m_20250305.zip", NOW) is None
    assert tree.file("x", NOW) is None


def test_a_market_that_ends_leaves_the_archive(markets, tree):
    assert "KRW-ETH" in tree.children("candle", NOW)
    markets.order(Order("KRW-ETH", "end", NOW - DAY))
    assert "KRW-ETH" not in tree.children("candle", NOW)
    assert tree.children("candle/KRW-ETH", NOW) is None


def test_a_recorded_market_begins_with_its_first_candle_and_has_the_widths_of_its_files(tmp_path):
    path = tmp_path / "day.csv"
    path.write_text("time,open,high,low,close,volume\n2024-12-30,1,1,1,1,1\n2025-01-02,1,1,1,1,1\n")
    tree = Tree(Markets({"KRW-OLD": Recorded("KRW-OLD", {WIDTHS["1d"]: [path]})}))
    assert tree.children("candle/KRW-OLD/daily", NOW) == ["day", "week"]
    (first, *_) = tree.children("candle/KRW-OLD/daily/day/2024", NOW)
    assert isinstance(first, File)
    assert dates(tree, "candle/KRW-OLD/daily/day/2024") == ["20241230", "20241231"]
    assert dates(tree, "candle/KRW-OLD/daily/day/2025")[0] == "20250101"
