"""The first call of a provider: the market list is asked for beside the data, not before it."""

from __future__ import annotations

import itertools

import pytest

from marketkit.api import markets
from marketkit.api.sync import SmartDataProvider
from marketkit.errors import UnknownSymbol
from marketkit.sandbox import Sandbox
from tests.integration.conftest import FAST, FAST_LIMITS, NOW

CALLS = {
    "tickers of all": ("ticker", lambda p: p.get_ticker("*"), 855),
    "tickers of a quote": ("ticker", lambda p: p.get_ticker("KRW-*"), 289),
    "tickers of two quotes": ("ticker", lambda p: p.get_ticker(["BTC-*", "USDT-*"]), 566),
    "tickers by name": ("ticker", lambda p: p.get_ticker(["KRW-BTC", "KRW-ETH"]), 2),
    "books by name": ("orderbook", lambda p: p.get_orderbook(["KRW-BTC", "BTC-ETH"]), 2),
}


@pytest.mark.parametrize("case", CALLS)
def test_a_first_call_is_the_market_list_and_one_request(provider, exchange, case):
    group, call, symbols = CALLS[case]
    assert call(provider)["symbol"].n_unique() == symbols
    assert sorted(each["group"] for each in exchange.requests()) == ["market", group]


@pytest.mark.parametrize("symbols", ["KRW-B*", ["*-BTC"], ["KRW-*", "BTC-ETH"]])
def test_what_only_the_market_list_can_tell_waits_for_it(provider, exchange, symbols):
    assert provider.get_ticker(symbols).height
    first, *others = [each["group"] for each in exchange.requests()]
    assert (first, set(others)) == ("market", {"ticker"})
    assert len(others) <= 2  # quote currencies as a whole, and single markets by name


def test_the_list_and_the_tickers_travel_at_the_same_time(tmp_path):
    with (
        Sandbox(seed=1, now=NOW, speed=0, limit=FAST, latency_ms=600) as far,
        SmartDataProvider(endpoint=far.endpoint, lake=tmp_path, limits=FAST_LIMITS) as provider,
    ):
        provider.get_ticker(["KRW-BTC", "KRW-ETH"])
        first, second = (each["arrival"] for each in far.requests())
        assert second - first < 0.3  # one after the other they are a whole round trip apart


def test_one_bad_code_is_named_and_the_others_are_asked_for_again(provider, exchange):
    with pytest.warns(UserWarning, match="KRW-NONSENSE skipped"):
        found = provider.get_ticker(["KRW-BTC", "KRW-NONSENSE", "KRW-ETH"], on_error="skip")
    assert found["symbol"].to_list() == ["KRW-BTC", "KRW-ETH"]
    assert [each["status"] for each in exchange.requests() if each["group"] == "ticker"] == [
        404,
        200,
    ]


@pytest.mark.parametrize("symbols", ["KRW-NONSENSE", ["KRW-BTC", "KRW-NONSENSE"]])
def test_a_bad_code_ends_a_first_call_by_its_name(provider, symbols):
    with pytest.raises(UnknownSymbol, match="KRW-NONSENSE"):
        provider.get_ticker(symbols)


GLOBS = {
    "books of a quote": ("orderbook", lambda p: p.get_orderbook("KRW-*"), 289, 1),
    "books of all": ("orderbook", lambda p: p.get_orderbook("*", depth=1), 855, 3),
    "tickers of a part": ("ticker", lambda p: p.get_ticker(["KRW-B*", "BTC-ETH"]), None, 1),
}


@pytest.fixture
def far():
    """An exchange so far away that one round trip after another is told from two at once."""
    with Sandbox(seed=1, limit=FAST, latency_ms=1500) as sandbox:
        yield sandbox


def ways(exchange) -> int:
    """Count the round trips that followed one another."""
    arrivals = sorted(each["arrival"] for each in exchange.requests())
    return 1 + sum(later - first > 1.4 for first, later in itertools.pairwise(arrivals))


@pytest.mark.parametrize("case", GLOBS)
def test_a_glob_is_one_way_where_the_list_is_known(provider, exchange, case):
    group, call, symbols, requests = GLOBS[case]
    provider.get_market()
    exchange.reset_stats()
    found = call(provider)
    assert symbols in (None, found["symbol"].n_unique())
    assert [each["group"] for each in exchange.requests()] == [group] * requests


@pytest.mark.parametrize("case", GLOBS)
def test_a_glob_is_one_way_in_a_process_that_finds_an_old_list(far, tmp_path, monkeypatch, case):
    group, call, symbols, requests = GLOBS[case]
    settings = {"endpoint": far.endpoint, "lake": tmp_path, "limits": FAST_LIMITS}
    with SmartDataProvider(**settings) as first:
        first.get_market()
    monkeypatch.setattr(markets, "_LIFE", -1)  # every list is too old
    far.reset_stats()
    with SmartDataProvider(**settings) as second:
        found = call(second)
    assert symbols in (None, found["symbol"].n_unique())
    assert sorted(each["group"] for each in far.requests()) == ["market", *[group] * requests]
    assert ways(far) == 1


def test_markets_that_an_old_list_lacks_or_has_too_many_of_are_put_right(tmp_path, monkeypatch):
    # A new market has no book until the next minute of the exchange's clock, which stands still.
    with Sandbox(seed=1, now=NOW, speed=0, limit=FAST) as exchange:
        settings = {"endpoint": exchange.endpoint, "limits": FAST_LIMITS}
        with SmartDataProvider(lake=tmp_path / "lake", **settings) as provider:
            before = set(provider.get_market(quote="KRW")["symbol"])
        exchange.set_market("KRW-XRP", "end")
        exchange.set_market("KRW-BRANDNEW", "list")
        exchange.reset_stats()
        monkeypatch.setattr(markets, "_LIFE", -1)  # every list is too old
        with (
            SmartDataProvider(lake=tmp_path / "lake", **settings) as provider,
            pytest.warns(UserWarning, match="KRW-BRANDNEW skipped: .* no order book"),
        ):
            found = set(provider.get_orderbook("KRW-*", depth=1)["symbol"])
    assert found == before - {"KRW-XRP"}
    asked = [each["status"] for each in exchange.requests() if each["group"] == "orderbook"]
    assert asked == [404, 200]
