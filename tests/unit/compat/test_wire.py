"""Our rows become the objects that the exchange itself writes."""

from __future__ import annotations

import pytest

from marketkit.api.sync import SmartDataProvider
from marketkit.compat import wire
from marketkit.timeframe import parse_timeframe

PATHS = {"1s": "seconds", "1m": "minutes/1", "4h": "minutes/240", "1w": "weeks", "1M": "months"}


@pytest.fixture
def provider(exchange, tmp_path):
    with SmartDataProvider(endpoint=exchange.endpoint, lake=tmp_path / "lake") as one:
        yield one


def rows(frame):
    return list(frame.iter_rows(named=True))


def test_tickers_books_and_markets_are_those_of_the_exchange(provider, said):
    asked = ["BTC-ETH", "KRW-BTC"]
    ours = [wire.ticker(row) for row in rows(provider.get_ticker(asked))]
    assert ours == said("/v1/ticker?markets=BTC-ETH,KRW-BTC")
    ours = list(wire.books(provider.get_orderbook(asked, depth=30)))
    assert ours == said("/v1/orderbook?markets=BTC-ETH,KRW-BTC&count=30")
    ours = [wire.market(row, details=True) for row in rows(provider.get_market())]
    theirs = said("/v1/market/all?is_details=true")
    assert ours == sorted(theirs, key=lambda row: row["market"])
    plain = said("/v1/market/all")[0]
    assert plain in [wire.market(row, details=False) for row in rows(provider.get_market())]


def test_trades_are_those_of_the_exchange_with_the_newest_first(provider, said):
    ours = [wire.trade(row) for row in rows(provider.get_trade("KRW-BTC", count=20).reverse())]
    assert ours == said("/v1/trades/ticks?market=KRW-BTC&count=20")


@pytest.mark.parametrize("width", PATHS)
def test_candles_are_those_of_the_exchange_but_for_the_moment_of_the_last_trade(
    provider, said, width
):
    frame = provider.get_candle("KRW-BTC", width, count=5, forming=True, derive=False)
    ours = wire.candles(rows(frame.reverse()), parse_timeframe(width))
    theirs = said(f"/v1/candles/{PATHS[width]}?market=KRW-BTC&count=5")
    assert [row["timestamp"] for row in ours] == [
        int(row["time"].timestamp() * 1000) for row in rows(frame.reverse())
    ]
    for row in (*ours, *theirs):
        del row["timestamp"]
    assert ours == theirs


def test_a_market_without_a_trade_has_no_moment_and_no_change(provider):
    (row,) = rows(provider.get_ticker("KRW-BTC"))
    nothing = dict.fromkeys(
        ("trade_time", "signed_change_price", "signed_change_rate", "high_52w_date"), None
    )
    told = wire.ticker({**row, **nothing})
    assert told["trade_timestamp"] is told["change_price"] is told["highest_52_week_date"] is None
    assert told["lowest_52_week_date"] == str(row["low_52w_date"])
