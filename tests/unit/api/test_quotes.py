"""The requests for tickers and books, and what an answer says of each symbol."""

from __future__ import annotations

import asyncio
import json

import pytest

from marketkit.api.query import CallOptions
from marketkit.api.quotes import QuoteEndpoints
from marketkit.clock import age_clock
from marketkit.errors import BadResponse, InputError, PartialResult, Refused
from marketkit.net.engine import engine
from marketkit.schema import TICKER, exact
from tests.unit.api.conftest import market_list

NOW = 1_795_132_800_000


def tickers(params):
    """Give a ticker of each symbol that is asked for, in the opposite order."""
    names = params.get("markets", "KRW-BTC,KRW-ETH,KRW-XRP").split(",")
    rows = [
        {"market": name, "timestamp": NOW, "trade_timestamp": NOW - 5_000, "trade_price": 1.5}
        for name in reversed(names)
        if name != "KRW-XRP"
    ]
    return json.dumps(rows).encode()


def books(params):
    unit = {"ask_price": 2.0, "bid_price": 1.0, "ask_size": 3.0, "bid_size": 4.0}
    rows = [
        {
            "market": name,
            "timestamp": NOW,
            "total_ask_size": 9.0,
            "total_bid_size": 8.0,
            "orderbook_units": [unit] * int(params.get("count", 30)),
            "level": float(params.get("level", 0)),
        }
        for name in params["markets"].split(",")
    ]
    return json.dumps(rows).encode()


@pytest.fixture
def quotes(router):
    return QuoteEndpoints(router)


def spec(query):
    """Give the spec that a query is made of."""
    return query.fetch.args[0]


def test_decimals_are_another_answer_and_no_streams(quotes):
    rough, fine = (
        spec(quotes.tickers("KRW-BTC", CallOptions(precision=precision)))
        for precision in ("float", "decimal")
    )
    assert rough.cache_key != fine.cache_key
    assert (rough.channel, fine.channel) == ("ticker", None)
    assert fine.exact


def test_books_are_told_apart_by_depth_and_level(quotes):
    kinds = [(15, 0), (5, 0), (15, 10_000)]
    specs = [spec(quotes.orderbooks("KRW-BTC", *kind, CallOptions())) for kind in kinds]
    assert len({each.cache_key for each in specs}) == 3
    assert [(each.channel, each.rows) for each in specs[:2]] == [
        ("orderbook", 15),
        ("orderbook", 5),
    ]
    assert specs[2].channel is specs[2].guess is None


@pytest.mark.parametrize("depth", [0, 31, True, 1.5, "5"])
def test_an_impossible_depth_is_refused(quotes, depth):
    with pytest.raises(InputError, match="1 to 30 levels"):
        quotes.orderbooks("KRW-BTC", depth, 0, CallOptions())


def test_a_level_is_for_won_markets(quotes):
    check = spec(quotes.orderbooks("KRW-BTC", 15, 10_000, CallOptions())).check
    asyncio.run(check(["KRW-BTC", "KRW-ETH"]))
    with pytest.raises(InputError, match="not for BTC-ETH"):
        asyncio.run(check(["KRW-BTC", "BTC-ETH"]))
    asyncio.run(spec(quotes.orderbooks("KRW-BTC", 15, 0, CallOptions())).check(["BTC-ETH"]))


def test_a_frame_is_sorted_whatever_the_order_of_the_answer(provider, exchange):
    exchange.bodies |= {"/ticker": tickers, "/orderbook": books}
    frame = provider.get_ticker(["KRW-ETH", "KRW-BTC"])
    assert frame["symbol"].to_list() == ["KRW-BTC", "KRW-ETH"]
    assert dict(frame.schema) == dict(TICKER)
    book = provider.get_orderbook(["KRW-ETH", "KRW-BTC"], depth=2)
    assert book.select("symbol", "depth").rows() == [
        (symbol, depth) for symbol in ("KRW-BTC", "KRW-ETH") for depth in (1, 2)
    ]


def test_a_symbol_that_the_answer_leaves_out_is_a_failure_of_its_own(provider, exchange):
    exchange.bodies["/ticker"] = tickers
    provider.get_market()
    with pytest.raises(PartialResult, match="KRW-XRP out of its answer") as partial:
        provider.get_ticker(["KRW-XRP", "KRW-BTC"])
    assert partial.value.frame["symbol"].to_list() == ["KRW-BTC"]
    assert isinstance(partial.value.failures["KRW-XRP"], BadResponse)


def test_a_request_that_fails_leaves_the_symbols_of_the_others(provider, exchange, monkeypatch):
    monkeypatch.setattr("marketkit.exchange.upbit.rest.URL_LENGTH", 8)  # a symbol a request

    def some(params):
        return None if params["markets"] == "KRW-ETH" else books(params)

    exchange.bodies["/orderbook"] = some
    provider.get_market()
    with pytest.raises(PartialResult) as partial:
        provider.get_orderbook(["KRW-BTC", "KRW-ETH"], depth=1)
    assert partial.value.frame["symbol"].to_list() == ["KRW-BTC"]
    assert isinstance(partial.value.failures["KRW-ETH"], Refused)


def test_tickers_teach_how_often_a_market_trades(provider, exchange):
    exchange.bodies["/ticker"] = tickers
    assert provider.status().lives.is_empty()
    provider.get_ticker("KRW-BTC")
    market = provider.twin._router.activity._markets["KRW-BTC"]
    assert market._last == NOW - 5_000


def test_tickers_are_asked_for_beside_the_market_list(provider, exchange):
    exchange.bodies["/ticker"] = tickers
    assert provider.get_ticker("KRW-BTC", precision="decimal").schema == exact(TICKER)
    assert sorted(exchange.paths()) == ["/market/all", "/ticker"]


@pytest.mark.parametrize("warm", [False, True])
def test_a_row_under_the_name_of_another_market_leaves_that_market_its_own(
    provider, exchange, warm
):
    def mixed(params):
        rows = json.loads(tickers(params))
        for row in rows:
            if row["market"] == "KRW-ETH":
                row |= {"market": "KRW-BTC", "trade_price": 9.0}
        return json.dumps(rows).encode()

    exchange.bodies["/ticker"] = mixed
    if warm:
        provider.get_market()
    with pytest.raises(PartialResult) as partial:
        provider.get_ticker(["KRW-BTC", "KRW-ETH"])
    assert partial.value.frame.select("symbol", "price").rows() == [("KRW-BTC", 1.5)]
    assert list(partial.value.failures) == ["KRW-ETH"]


def test_an_answer_with_a_market_that_the_list_lacks_has_the_list_asked_for_anew(
    provider, exchange
):
    exchange.bodies["/ticker"] = tickers
    exchange.bodies["/ticker/all"] = lambda _: tickers({"markets": "KRW-BTC,KRW-ETH,KRW-NEW"})
    exchange.bodies["/market/all"] = market_list(("KRW-BTC", "KRW-ETH"))
    provider.get_market()
    exchange.bodies["/market/all"] = market_list(("KRW-BTC", "KRW-ETH", "KRW-NEW"))
    provider.get_ticker("KRW-*")
    assert exchange.paths().count("/market/all") == 2
    assert provider.get_ticker("KRW-*")["symbol"].to_list() == ["KRW-BTC", "KRW-ETH", "KRW-NEW"]


def test_a_list_without_a_market_is_no_list(provider, exchange):
    provider.get_market()
    markets = provider.twin._markets
    exchange.bodies["/market/all"] = b"[]"
    assert engine().run(markets.gone(["KRW-BTC"], "normal", age_clock())) == {}
    assert "KRW-BTC" in markets.known()
