"""Programs of the older provider's documentation run as they are, but for the import."""

from __future__ import annotations

import asyncio
import textwrap
import threading

import pytest

from marketkit.compat import AsyncSmartDataProvider, SmartDataProvider
from marketkit.sandbox import Sandbox
from tests.waiting import PATIENCE

SYNC = {
    "one symbol": """
        from marketkit.compat import SmartDataProvider, Priority

        provider = SmartDataProvider(max_workers=10)
        response = provider.get_ticker("KRW-BTC", Priority.HIGH)
        print(f"Success: {response.success}, Cache Hit: {response.cache_hit}")
        print(response.data_source_type.value, f"{response.response_time_ms}ms")
        assert response.data["trade_price"] > 0
    """,
    "300 codes with repeats": """
        from marketkit.compat import SmartDataProvider

        provider = SmartDataProvider()
        symbols = ["KRW-BTC", "KRW-ETH", "KRW-ADA"] * 100
        result = provider.get_multiple_tickers(symbols)
        print(f"{len(result.successful_symbols)}/{len(symbols)}, {result.failed_symbols}")
        print(f"{result.symbols_per_second:.1f} symbols/sec")
        assert len(result.successful_symbols) == 300
        assert result.symbols_per_second > 0
    """,
    "status": """
        from marketkit.compat import SmartDataProvider

        provider = SmartDataProvider(max_workers=10)
        provider.get_ticker("KRW-BTC")
        status = provider.get_comprehensive_status()
        print(f"version: {status['system_info']['version']}")
        print(f"speed: {status['performance']['symbols_per_second']} symbols/sec")
        print(f"hits: {status['layer_2_cache']['hit_rate']:.1f}%")
        if status["layer_2_realtime"]["websocket_connected"] == False:
            print("no stream is open")
        assert provider.get_performance_metrics().total_requests == 1
    """,
    "a thousand objects in the cache": """
        from marketkit.compat import SmartDataProvider

        provider = SmartDataProvider()
        for i in range(1000):
            provider.cache_system.set(f"test_{i}", {"data": i * 100})
        assert provider.cache_system.get("test_7") == {"data": 700}
    """,
    "candles in turns": """
        from datetime import datetime, timedelta
        from marketkit.compat import SmartDataProvider, Priority

        provider = SmartDataProvider()
        end, days = datetime(2026, 11, 20), []
        for _ in range(2):
            result = provider.get_candles(
                symbol="KRW-BTC",
                timeframe="1d",
                count=20,
                end_time=end.strftime("%Y-%m-%dT%H:%M:%S"),
                priority=Priority.HIGH,
            )
            assert result.success and isinstance(result.data, list), result.error
            days += [candle.get("candle_date_time_kst") for candle in result.data]
            print(result.metadata.source, f"{result.metadata.response_time_ms:.1f}ms")
            end -= timedelta(days=20)
        assert days == sorted(days, reverse=True) and len(set(days)) == 40
    """,
}
AWAITED = """
    from marketkit.compat import {name} as SmartDataProvider

    async def main():
        provider = SmartDataProvider()
        ticker = await provider.get_ticker("KRW-BTC")
        tickers = await provider.get_ticker(["KRW-BTC", "KRW-ETH"])
        assert ticker.success and ticker.data["market"] == "KRW-BTC"
        assert [each["market"] for each in tickers.data] == ["KRW-BTC", "KRW-ETH"]
        assert (await provider.get_tickers(["KRW-BTC", "KRW-ETH"]))["_list_data"] == tickers.data

    import asyncio
    asyncio.run(main())
"""


@pytest.fixture(scope="module")
def exchange():
    with Sandbox(seed=1, now="2026-11-20T10:17:30Z", speed=20, limit=(1000, 1.0)) as one:
        yield one


@pytest.fixture(autouse=True)
def _asked(exchange, monkeypatch):
    monkeypatch.setenv("MARKETKIT_ENDPOINT", exchange.endpoint)


@pytest.mark.parametrize("name", SYNC)
def test_a_program_of_the_sync_time_runs_as_it_is(name, capsys):
    exec(textwrap.dedent(SYNC[name]), {"__name__": "program"})  # noqa: S102 - our own text


@pytest.mark.parametrize("name", ["AsyncSmartDataProvider", "SmartDataProvider"])
def test_a_program_of_the_async_time_runs_as_it_is(name):
    code = textwrap.dedent(AWAITED.format(name=name))
    exec(code, {"__name__": "program"})  # noqa: S102 - our own text


def test_a_subscription_calls_back_with_the_exchanges_objects_until_its_end():
    seen, both = [], threading.Event()

    def handle(data):
        seen.append((data["type"], data["market"], data["trade_price"]))
        if {kind for kind, *_ in seen} == {"ticker", "trade"}:
            both.set()

    with SmartDataProvider(max_workers=10) as provider:
        subscription = provider.subscribe_realtime_data(
            symbols=["KRW-BTC", "KRW-ETH"], data_types=["ticker", "trade"], callback=handle
        )
        assert both.wait(PATIENCE)
        status = provider.get_comprehensive_status()["layer_2_realtime"]
        assert status["websocket_connected"]
        assert (status["active_subscriptions"], status["subscribed_symbols"]) == (1, 2)
        assert status["events"] > 0
        assert provider.get_ticker("KRW-BTC").success
        assert provider.unsubscribe_realtime_data(subscription)
        assert not provider.unsubscribe_realtime_data(subscription)


def test_an_awaited_subscription_ends_with_the_provider():
    async def main():
        async with AsyncSmartDataProvider() as provider:
            heard = threading.Event()
            name = await provider.subscribe_realtime_data(["KRW-BTC"], None, lambda _: heard.set())
            assert await asyncio.to_thread(heard.wait, PATIENCE)
            other = await provider.subscribe_realtime_data(["KRW-ETH"])
            assert await provider.unsubscribe_realtime_data(name)
        assert not await provider.unsubscribe_realtime_data(other)

    asyncio.run(main())
