"""Trades of a range or the newest, walked page by page."""

from __future__ import annotations

import asyncio
import json

import pytest

from marketkit.api.query import CallOptions
from marketkit.api.trades import TradeEndpoints
from marketkit.cache.trade_pages import TradePageCache
from marketkit.data.lake import Lake
from marketkit.errors import InvalidRange
from marketkit.timeframe import DAY, iso


@pytest.fixture
def trades(router, transport, tmp_path):
    return TradeEndpoints(router, TradePageCache(transport, None), Lake(tmp_path))


def query(trades, *, count=None, start=None, end=None, **options):
    return trades.trades("KRW-BTC", count, start, end, CallOptions(**options))


def spec(query):
    """Give the spec that a query is made of."""
    return query.fetch.args[0]


def trade(number, at):
    return {
        "market": "KRW-BTC",
        "timestamp": at,
        "trade_price": 1.5,
        "trade_volume": 2.0,
        "ask_bid": "BID",
        "prev_closing_price": 1.0,
        "change_price": 0.5,
        "sequential_id": number,
    }


def test_one_page_is_asked_for_where_nothing_is_said(trades):
    assert spec(query(trades)).cache_key == spec(query(trades, count=500)).cache_key
    assert spec(query(trades)).single


def test_only_the_newest_trades_are_kept_and_streamed(trades):
    newest = spec(query(trades, count=5))
    assert (newest.kept, newest.channel, newest.rows) == (True, "trade", 5)
    for past in (query(trades, start="2026-11-16"), query(trades, count=5, end="2026-11-16")):
        assert not spec(past).kept
        assert spec(past).channel is None
    assert spec(query(trades, count=5, precision="decimal")).channel is None


def test_days_that_the_exchange_does_not_keep_are_refused(trades, transport):
    now = transport.now()
    early = spec(query(trades, start=iso(now - 9 * DAY)))
    asyncio.run(early.check([]))  # before the exchange's clock was heard nobody can say
    transport.clock.saw(now)
    asyncio.run(spec(query(trades, start=iso(now - 6 * DAY))).check([]))
    with pytest.raises(InvalidRange, match="keeps trades from"):
        asyncio.run(early.check([]))


def test_the_newest_trades_of_several_pages_are_one_frame(provider, exchange, monkeypatch):
    monkeypatch.setattr("marketkit.exchange.upbit.rest.TRADE_PAGE", 5)
    moment = provider.twin._transport.now() - 60_000
    pages = {None: range(10, 5, -1), "6": range(5, 2, -1)}

    def page(params):
        rows = [trade(number, moment + 1000 * number) for number in pages[params.get("cursor")]]
        return json.dumps(rows).encode()

    exchange.bodies["/trades/ticks"] = page
    told = provider.with_response.get_trade("KRW-BTC", count=8)
    assert told.frame["sequential_id"].to_list() == list(range(3, 11))
    assert told.frame["time"].is_sorted()
    assert told.source == {"KRW-BTC": "rest"}
    counts = [params["count"] for path, params in exchange.asked if path == "/trades/ticks"]
    assert counts == ["5", "3"]
