"""The first call of a provider: the market list is asked for beside the data, not before it."""

from __future__ import annotations

import pytest

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
