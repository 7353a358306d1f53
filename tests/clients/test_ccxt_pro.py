"""ccxt.pro, unmodified but for its address: what it watches is what the exchange streams."""

from __future__ import annotations

import asyncio

import pytest

from marketkit.sandbox import Sandbox

pro = pytest.importorskip("ccxt.pro")
pytestmark = pytest.mark.clients

BTC, ETH = "BTC/KRW", "ETH/KRW"
PATIENCE_S = 60  # how long a hung watch is waited for


@pytest.fixture
def live():
    """A running exchange, so fast that every watch has news soon."""
    with Sandbox(now="2026-11-20T10:17:30.500", speed=30, limit=(1000, 1.0)) as exchange:
        yield exchange


def watch(live, work):
    """Run `work(client)` with a client pointed at the exchange."""

    async def session():
        client = pro.upbit({"enableRateLimit": False})
        api = client.urls["api"]
        client.urls["api"] = {
            kind: url.replace("https", "http").replace("wss", "ws") for kind, url in api.items()
        }
        client.hostname = live.endpoint.removeprefix("http://")
        try:
            return await asyncio.wait_for(work(client), PATIENCE_S)
        finally:
            await client.close()

    return asyncio.run(session())


def streams(live):
    rows = [row for row in live.connections() if row["subscriptions"]]
    return {(part["type"], *part["codes"]) for row in rows for part in row["subscriptions"]}


def test_tickers_are_watched(live):
    async def work(client):
        return [await client.watch_ticker(BTC) for _ in range(4)]

    tickers = watch(live, work)
    assert all(ticker["low"] <= ticker["last"] <= ticker["high"] for ticker in tickers)
    times = [ticker["timestamp"] for ticker in tickers]
    assert times == sorted(set(times))
    assert streams(live) == {("ticker", "KRW-BTC")}


def test_trades_are_watched_and_are_those_of_the_history(live):
    async def work(client):
        seen = []
        while len(seen) < 8:
            seen += await client.watch_trades(BTC)
        return seen, await client.fetch_trades(BTC, limit=200)

    seen, listed = watch(live, work)
    known = {trade["id"]: trade for trade in listed}
    for trade in seen:
        same = known[trade["id"]]
        assert [trade[name] for name in ("timestamp", "price", "amount", "side")] == [
            same[name] for name in ("timestamp", "price", "amount", "side")
        ]


def test_order_books_are_watched(live):
    async def work(client):
        return [dict(await client.watch_order_book(BTC)) for _ in range(4)]

    books = watch(live, work)
    for book in books:
        assert len(book["bids"]) == len(book["asks"]) == 15  # it keeps no more
        assert book["bids"][0][0] < book["asks"][0][0]
    assert books[0]["timestamp"] < books[-1]["timestamp"]


def test_many_watches_at_once_share_one_socket(live):
    async def work(client):
        await client.load_markets()
        return await asyncio.gather(
            *(client.watch_ticker(symbol) for symbol in (BTC, ETH, "XRP/KRW", "SOL/KRW")),
            *(client.watch_trades(symbol) for symbol in (BTC, ETH)),
            *(client.watch_order_book(symbol) for symbol in (BTC, ETH)),
        )

    assert len(watch(live, work)) == 8
    rows = live.connections()
    assert len(rows) == 1
    assert rows[0]["messages"] == 8
    assert len(streams(live)) == 8


def test_second_candles_are_watched(live):
    async def work(client):
        return await client.watch_ohlcv(BTC, "1s")

    row = watch(live, work)  # one candle, not a list of them
    assert row[3] <= row[1] <= row[2]
    assert row[0] % 1000 == 0
