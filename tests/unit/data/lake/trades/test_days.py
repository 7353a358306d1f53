"""Days found in a folder."""

from __future__ import annotations

import pytest

from marketkit.coverage import Spans
from marketkit.data.lake.store.left_out import sources
from marketkit.data.lake.trades import days
from marketkit.data.lake.trades.layout import TradeSeries
from marketkit.errors import CorruptFile
from tests.unit.data.lake.trades.conftest import DAY, FIRST, NOON, make_trades

SERIES = TradeSeries("upbit", "KRW-BTC")


def fill(trades, day=0):
    trades.append(
        "KRW-BTC",
        make_trades([NOON + day * DAY]),
        Spans([(FIRST, FIRST + DAY * 9)]).clip(FIRST + day * DAY, FIRST + (day + 1) * DAY),
    )


def test_days_are_listed_in_the_order_of_time(trades):
    for day in (2, 0, 1):
        fill(trades, day)
    found = days.entries_of(trades.root, SERIES)
    assert [each.day for each in found] == ["2024-01-01", "2024-01-02", "2024-01-03"]
    some = days.entries_of(trades.root, SERIES, ["2024-01-02", "2030-01-01"])
    assert [each.day for each in some] == ["2024-01-02"]


def test_a_footer_is_read_once_a_version(trades, monkeypatch):
    fill(trades)
    first = days.entries_of(trades.root, SERIES)
    monkeypatch.setattr(days, "read_footer", None)
    assert days.entries_of(trades.root, SERIES) == first


def test_other_names_are_no_days(trades):
    fill(trades)
    folder = trades.root / SERIES.folder
    (folder / "2024-01-01 (conflicted copy).parquet").write_bytes(b"x")
    (folder / "2024-01-05.parquet").symlink_to(folder / "nowhere")
    assert len(days.entries_of(trades.root, SERIES)) == 1
    (folder / "2024-01-04.parquet").write_bytes(b"x")
    with pytest.raises(CorruptFile, match="2024-01-04"):
        days.entries_of(trades.root, SERIES)


def test_sources_and_markets_are_listed(trades):
    assert sources(trades.root, "trades") == []
    assert days.stored(trades.root, "upbit") == []
    fill(trades)
    assert sources(trades.root, "trades") == ["upbit"]
    assert days.stored(trades.root, "upbit") == [SERIES]
