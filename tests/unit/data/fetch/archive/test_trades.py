"""Zips of trades on their way into the lake."""

from __future__ import annotations

import zipfile

import pytest

from marketkit.coverage import Span, Spans
from marketkit.data.fetch.archive.trades import is_silent, take_trades
from marketkit.data.lake import Lake
from marketkit.data.lake.trades.store import TradeStore
from marketkit.errors import BadResponse
from marketkit.exchange.upbit.archive.finding import Published
from marketkit.exchange.upbit.archive.keys import TRADE_HEADER, file_of
from marketkit.net.archive.download import Fetched
from marketkit.schema import ROW, empty
from marketkit.timeframe import DAY, parse_time

KEY = "trade/KRW-BTC/daily/2025/KRW-BTC_trade_20250131.zip"
START = parse_time("2025-01-31")
LARGEST = 1 << 20


@pytest.fixture
def store(tmp_path):
    return TradeStore(tmp_path / "lake")


@pytest.fixture
def fetched(tmp_path):
    def make(*lines, at=START + 2 * DAY):
        file, path = file_of(KEY), tmp_path / "day.zip"
        with zipfile.ZipFile(path, "w") as packed:
            packed.writestr(file.member, "\n".join([TRADE_HEADER, *lines, ""]))
        published = Published(file, path.stat().st_size, "2025-02-01T01:00:00Z")
        return Fetched(published, path, "ab" * 32, published.size, at, reused=False)

    return make


def test_a_zip_proves_the_day_of_its_name(store, fetched):
    lines = [f"1,{START + 5},4E-8,100.5,BID", f"0,{START + 5},2.5,100.0,ASK"]
    assert take_trades(store, fetched(*lines), LARGEST) == (2, 0)
    rows = store.read()
    assert rows["volume"].to_list() == [2.5, 4e-8]
    assert store.covered("KRW-BTC") == Spans([(START, START + DAY)])
    assert store.provenance()["key"].to_list() == [KEY]


def test_that_nothing_traded_is_believed_where_candles_say_so(store, fetched):
    with pytest.raises(BadResponse, match="no trades"):
        take_trades(store, fetched(), LARGEST)
    assert take_trades(store, fetched(), LARGEST, silent=True) == (0, 0)
    assert store.covered("KRW-BTC") == Spans([(START, START + DAY)])


def test_a_day_that_is_published_again_is_revised(store, fetched):
    take_trades(store, fetched(f"0,{START},1,100,BID"), LARGEST)
    again = fetched(f"0,{START},2,100,BID", at=START + 3 * DAY)
    assert take_trades(store, again, LARGEST) == (2, 2)
    assert store.revisions()["seen_at"].dt.epoch("ms").unique().to_list() == [START + 3 * DAY]


def test_a_wrong_file_leaves_the_lake_unmade(store, fetched):
    with pytest.raises(BadResponse, match=KEY):
        take_trades(store, fetched(f"0,{START - 1},1,100,BID"), LARGEST)
    assert not store.root.exists()


def test_days_or_minutes_that_are_proved_say_whether_anything_traded(tmp_path):
    lake, day = Lake(tmp_path / "candles"), Span(START, START + DAY)
    assert not is_silent(lake, "KRW-BTC", day)
    lake.append("KRW-BTC", "1m", empty(ROW), Spans([day]))
    assert is_silent(lake, "KRW-BTC", day)
    assert not is_silent(lake, "KRW-BTC", Span(START, START + DAY + 60_000))
