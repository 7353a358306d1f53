"""pyupbit, unmodified but for its address."""

from __future__ import annotations

import pytest

from marketkit.sandbox.control import moment

pytest.importorskip("pyupbit")
pytestmark = [
    pytest.mark.clients,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # it closes no connection
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def test_tickers_are_listed(theirs):
    assert len(theirs.get_tickers()) == 855
    assert len(theirs.get_tickers(fiat="KRW")) == 289
    assert theirs.get_tickers(fiat="KRW", is_details=True)[0]["market_event"]
    _, limit = theirs.get_tickers(limit_info=True)
    assert limit["group"] == "market"


def test_more_than_a_thousand_candles_come_without_overlap_or_gap(theirs, wire):
    frame = theirs.get_ohlcv(
        "KRW-DOGE", interval="minute1", count=1200, to="2026-11-20 10:00:00", period=0
    )
    assert len(frame) == 1200
    assert frame.index.is_unique
    start = moment(frame.index[0].isoformat()) - 9 * 3_600_000  # its index is Korean time
    truth = wire.candles("KRW-DOGE", "1m", start, moment("2026-11-20T10:00:00"))
    for column in ("open", "high", "low", "close", "volume", "value"):
        assert frame[column].tolist() == truth[column].to_list()


@pytest.mark.parametrize("interval", ["day", "minute3", "minute60", "minute240", "week", "month"])
def test_candles_of_its_other_intervals_come(theirs, interval):
    assert (
        len(theirs.get_ohlcv("KRW-BTC", interval=interval, count=30, to="2026-11-20 10:00:00"))
        == 30
    )


def test_candles_from_a_day_on_come(theirs):
    frame = theirs.get_ohlcv_from("KRW-BTC", "day", "2026-10-01", to="2026-11-01", period=0)
    assert len(frame) == 31


def test_the_current_price_of_one_and_of_all_markets_comes(theirs):
    price = theirs.get_current_price("KRW-BTC")
    prices = theirs.get_current_price(theirs.get_tickers())
    assert len(prices) == 855
    assert prices["KRW-BTC"] == price > 0


def test_books_of_one_and_of_some_markets_come(theirs):
    assert len(theirs.get_orderbook("KRW-BTC")["orderbook_units"]) == 30
    books = theirs.get_orderbook(["KRW-BTC", "BTC-ETH"])
    assert [book["market"] for book in books] == ["KRW-BTC", "BTC-ETH"]
