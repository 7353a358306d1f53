"""The older provider, sync and async, on an exchange."""

from __future__ import annotations

import asyncio
import inspect

import pytest

from marketkit import compat
from marketkit.compat.older.provider import AsyncSmartDataProvider, SmartDataProvider
from marketkit.errors import InputError, PartialResult, UnknownSymbol

CALLS = {
    "get_ticker": ("KRW-BTC",),
    "get_tickers": (["KRW-BTC", "KRW-ETH"],),
    "get_orderbook": ("KRW-BTC",),
    "get_trades": ("KRW-BTC", 5),
    "get_candles": ("KRW-BTC", "1h", 3),
    "get_continuous_candles": (
        *("KRW-BTC", "1h", "2026-11-19T00:00:00", "2026-11-20T00:00:00"),
    ),
    "get_markets": (),
}  # fmt: skip


@pytest.fixture
def provider(exchange, tmp_path):
    with SmartDataProvider(10, endpoint=exchange.endpoint, lake=tmp_path / "lake") as one:
        yield one


def test_the_package_gives_the_older_names():
    assert compat.SmartDataProvider is SmartDataProvider
    assert compat.AsyncSmartDataProvider is AsyncSmartDataProvider
    assert {"Priority", "DataResponse", "BatchRequestResult"} <= set(compat.__all__)
    assert compat.__all__ == sorted(compat.__all__)
    assert all(getattr(compat, name) for name in compat.__all__)


def test_the_seven_calls_answer_sync_and_awaited_alike(exchange, tmp_path, provider):
    async def ask():
        options = {"endpoint": exchange.endpoint, "lake": tmp_path / "other"}
        async with AsyncSmartDataProvider(**options) as one:
            return {name: await getattr(one, name)(*args) for name, args in CALLS.items()}

    awaited = asyncio.run(ask())
    for name, args in CALLS.items():
        response = getattr(provider, name)(*args)
        assert response.error is None
        assert response.data == awaited[name].data
        assert len(response.get_list()) == response.metadata.records_count > 0


def test_both_providers_have_the_same_calls():
    shared = {"close", "aclose"}
    names = {name for name in dir(SmartDataProvider) if not name.startswith("_")} - shared
    assert names == {n for n in dir(AsyncSmartDataProvider) if not n.startswith("_")} - shared
    for name in names:
        one, other = (
            inspect.signature(getattr(kind, name))
            for kind in (SmartDataProvider, AsyncSmartDataProvider)
        )
        assert one == other


def test_a_glob_means_a_list(provider):
    found = provider.get_ticker("USDT-*").data
    assert [row["market"][:5] for row in found] == ["USDT-"] * len(found)
    assert provider.get_candles("KRW-BT*", "1d", 2).data["KRW-BTC"]["count"] == 2


def test_an_answer_of_the_sync_provider_can_be_awaited(provider):
    async def ask():
        return await provider.get_ticker("KRW-BTC"), await provider.get_multiple_tickers(["KRW-NO"])

    response, result = asyncio.run(ask())
    assert response.success
    assert result.failed_symbols == ["KRW-NO"]


def test_errors_are_in_the_response_or_raised_on_request(exchange, tmp_path, provider):
    assert "did you mean" in provider.get_ticker("KRW-BCT").error
    assert provider.get_tickers([]).error == "symbols=[]: give at least one code, such as KRW-BTC"
    assert "count=0" in provider.get_candles("KRW-BTC", "1m", 0).error
    assert provider.get_multiple_tickers("KRW-BTC").successful_symbols == ["KRW-BTC"]
    for nothing in ([], None):
        assert provider.get_multiple_tickers(nothing).successful_symbols == []
    options = {"endpoint": exchange.endpoint, "lake": tmp_path / "lake"}
    with SmartDataProvider(raise_errors=True, **options) as strict:
        with pytest.raises(UnknownSymbol):
            strict.get_ticker("KRW-BCT")
        with pytest.raises(PartialResult):
            strict.get_tickers(["KRW-BTC", "KRW-BCT"])
        with pytest.raises(InputError):
            strict.get_multiple_tickers([])
        with pytest.raises(InputError):
            strict.subscribe_realtime_data(["KRW-BTC"], ["weather"])


def test_a_subscription_that_cannot_be_has_no_name_and_a_line_in_the_log(provider, caplog):
    assert provider.subscribe_realtime_data(["KRW-BCT"]) == ""
    assert "no subscription: unknown symbol 'KRW-BCT'" in caplog.text
    assert not provider.unsubscribe_realtime_data("")

    async def ask():
        endpoint = provider.provider.twin
        one = AsyncSmartDataProvider(offline=True)
        assert endpoint is not one.provider
        async with one:
            return await one.subscribe_realtime_data(["KRW-BTC"], ["weather"])

    assert asyncio.run(ask()) == ""


def test_every_figure_of_the_status_is_counted(provider):
    before = provider.get_comprehensive_status()
    assert before["performance"]["total_requests"] == before["layer_2_cache"]["hits"] == 0
    provider.get_ticker("KRW-BTC")
    provider.get_ticker("KRW-BTC")
    provider.get_ticker("KRW-BCT")
    provider.get_candles("KRW-BTC", "1d", 5)
    provider.cache_system.set("key", {"a": 1})
    told = provider.get_comprehensive_status()
    assert told["system_info"]["max_workers"] == 10
    assert told["system_info"]["max_batch_size"] > 300
    assert told["system_info"]["uptime_seconds"] >= 0
    assert told["performance"]["total_requests"] == 4
    assert told["performance"]["symbols_per_second"] > 0
    assert told["layer_1_api"]["failed_requests"] == 1
    assert told["layer_1_api"]["avg_response_time_ms"] > 0
    assert told["layer_2_cache"]["cache_system"]["size"] == 1
    assert told["layer_2_realtime"]["websocket_connected"] is False
    assert told["layer_3_data"]["series"] == 1
    assert told["layer_3_data"]["rows"] >= 5
    assert told["layer_3_data"]["bytes"] > 0
    metrics = provider.get_performance_metrics()
    assert metrics.min_response_time_ms <= metrics.avg_response_time_ms
    provider.reset_stats()
    assert provider.get_performance_metrics().total_requests == 0


def test_a_market_list_counts_as_one_answer(provider):
    provider.get_markets()
    assert provider.get_performance_metrics().cache_metrics.total_requests == 1
