"""ccxt, unmodified but for its address."""

from __future__ import annotations

import pytest

from marketkit.sandbox.control import moment

ccxt = pytest.importorskip("ccxt")
pytestmark = pytest.mark.clients


@pytest.fixture(scope="module")
def client(wire):
    exchange = ccxt.upbit({"enableRateLimit": False})
    exchange.urls["api"] = {
        kind: url.replace("https", "http") for kind, url in exchange.urls["api"].items()
    }
    exchange.hostname = wire.endpoint.removeprefix("http://")
    exchange.load_markets()
    yield exchange
    exchange.session.close()


def test_all_markets_load(client):
    assert len(client.markets) == 855
    assert client.market("BTC/KRW")["id"] == "KRW-BTC"


def test_tickers_of_all_markets_and_of_some_are_fetched(client):
    assert len(client.fetch_tickers()) == 855
    some = client.fetch_tickers(["BTC/KRW", "ETH/BTC"])
    assert set(some) == {"BTC/KRW", "ETH/BTC"}
    ticker = client.fetch_ticker("BTC/KRW")
    assert ticker["low"] <= ticker["last"] <= ticker["high"]
    assert ticker["timestamp"] <= moment("2026-11-20T10:17:30.500")


def test_a_book_is_fetched_whole_and_cut(client):
    book = client.fetch_order_book("BTC/KRW")
    assert len(book["bids"]) == len(book["asks"]) == 30
    assert book["bids"][0][0] < book["asks"][0][0]
    assert len(client.fetch_order_book("BTC/KRW", 5)["asks"]) == 5
    assert set(client.fetch_order_books(["BTC/KRW", "XRP/KRW"])) == {"BTC/KRW", "XRP/KRW"}


def test_trades_are_fetched(client):
    trades = client.fetch_trades("BTC/KRW")
    assert len(trades) == 200
    assert {trade["side"] for trade in trades} == {"buy", "sell"}
    assert trades == sorted(trades, key=lambda trade: trade["timestamp"])


@pytest.mark.parametrize(
    "width",
    ["1s", "1m", "3m", "5m", "10m", "15m", "30m", "1h", "4h", "1d", "1w", "1M", "1y"],
)
def test_candles_of_every_width_are_those_of_the_history(client, wire, width):
    rows = client.fetch_ohlcv("BTC/KRW", width, limit=500)
    assert 5 < len(rows) <= 200  # 500 is cut silently
    closed = wire.candles("KRW-BTC", width, rows[0][0], wire.now())
    expected = [list(row[:6]) for row in closed.rows()]
    assert rows[: len(expected)] == expected
    assert len(rows) - len(expected) in {0, 1}  # the running one


def test_candles_since_a_moment_are_fetched(client):
    since = moment("2026-09-01T00:00:00")
    rows = client.fetch_ohlcv("BTC/KRW", "1m", since, 100)
    assert [row[0] for row in rows] == [since + n * 60_000 for n in range(100)]
    future = client.fetch_ohlcv("BTC/KRW", "1d", moment("2026-11-18T00:00:00"), 100)
    assert future[-1][0] == moment("2026-11-20T00:00:00")


def test_a_refusal_is_a_rate_limit_error(client, wire):
    wire.set_faults({"429": 1.0})
    try:
        with pytest.raises(ccxt.RateLimitExceeded):
            client.fetch_ticker("BTC/KRW")
    finally:
        wire.set_faults({})
