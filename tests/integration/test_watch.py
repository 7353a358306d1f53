"""Feeds against the sandbox on a real socket."""

from __future__ import annotations

import asyncio

import pytest

import marketkit as mk
from marketkit import schema
from marketkit.api.provider import AsyncSmartDataProvider
from tests.integration.conftest import FAST_LIMITS
from tests.waiting import PATIENCE, wait


def streaming(exchange) -> list[dict]:
    """The connections there are."""
    return [each for each in exchange.connections() if each["ended"] is None]


def tickers(exchange) -> list[str]:
    """The symbols whose tickers are streamed."""
    parts = [part for each in streaming(exchange) for part in each["subscriptions"]]
    return sorted(code for part in parts if part["type"] == "ticker" for code in part["codes"])


@pytest.mark.parametrize(
    ("channel", "shape"),
    [
        ("ticker", schema.TICKER),
        ("trade", schema.TRADE),
        ("orderbook", schema.ORDERBOOK),
        ("candle.1m", schema.CANDLE),
        ("candle.1h", schema.CANDLE),
    ],
)
def test_a_feeds_frame_has_the_columns_of_the_call_for_the_same_thing(provider, channel, shape):
    with provider.watch(["KRW-BTC", "KRW-ETH"], channel) as feed:
        assert feed.wait(PATIENCE)
        assert dict(feed.frame.schema) == dict(shape)
        assert set(feed.frame["symbol"]) == {"KRW-BTC", "KRW-ETH"}


def test_what_a_feed_says_is_what_is_answered_at_the_same_moment(provider):
    """The clock stands still."""
    symbols = ["KRW-BTC", "KRW-ETH", "BTC-ETH"]
    asked = provider.get_ticker(symbols)
    books = provider.get_orderbook(symbols, depth=30)
    with provider.watch(symbols, "ticker") as feed, provider.watch(symbols, "orderbook") as depth:
        assert feed.wait(PATIENCE)
        assert depth.wait(PATIENCE)
        assert feed.frame.drop("time").equals(asked.drop("time"))
        assert depth.frame.equals(books)


def test_one_symbol_is_a_datetime_index_in_pandas(provider):
    with provider.watch("KRW-BTC", "ticker", frame="pandas", tz="Asia/Seoul") as feed:
        assert feed.wait(PATIENCE)
        assert feed.frame.index.name == "time"
        assert str(feed.frame.index.tz) == "Asia/Seoul"


def test_consumers_share_one_connection_until_three_minutes_after_the_last(provider, exchange):
    one = provider.watch(["KRW-BTC", "KRW-ETH"], "ticker")
    other = provider.watch(["KRW-ETH", "KRW-XRP"], "ticker")
    wait(lambda: len(tickers(exchange)) == 3)
    assert len(streaming(exchange)) == 1
    one.close()
    exchange.advance(179)
    provider.get_market()
    assert other.wait(PATIENCE)
    assert len(tickers(exchange)) == 3
    exchange.advance(2)
    provider.get_candle("KRW-BTC", "1m", count=1, source="exchange")  # tells the exchange's time
    wait(lambda: tickers(exchange) == ["KRW-ETH", "KRW-XRP"])
    other.close()
    wait(lambda: not provider.twin._streams._client._subscriptions.in_use())
    exchange.advance(181)
    provider.get_candle("KRW-ETH", "1m", count=1, source="exchange")
    wait(lambda: not streaming(exchange))


def test_events_come_in_order_and_agree_with_the_exchanges_trades(provider, exchange):
    with provider.watch("KRW-BTC", "trade") as feed:
        assert feed.wait(PATIENCE)
        reader = iter(feed)
        exchange.advance(300)
        said = next(reader)
        known = provider.get_trade("KRW-BTC", count=500)
        while said["sequential_id"][-1] != known["sequential_id"][-1]:
            said = said.vstack(next(reader))
        both = known.join(said, on="sequential_id", how="semi")
        assert said["sequential_id"].is_sorted()
        assert both.select(known.columns).equals(said)
        assert known.tail(said.height).equals(said)


def test_an_async_provider_gives_the_same_feed(exchange, tmp_path):
    async def main():
        async with (
            AsyncSmartDataProvider(
                endpoint=exchange.endpoint, lake=tmp_path, limits=FAST_LIMITS
            ) as provider,
            await provider.watch("KRW-BTC", "ticker") as feed,
        ):
            assert await feed.ready(PATIENCE)
            async for frame in feed:
                return frame
        return None

    frame = asyncio.run(main())
    assert frame["symbol"].to_list() == ["KRW-BTC"]


def test_a_hot_feed_answers_for_the_exchange(provider, exchange):
    with provider.watch("KRW-BTC", "ticker") as feed:
        assert feed.wait(PATIENCE)
        exchange.reset_stats()
        response = provider.with_response.get_ticker("KRW-BTC")
        assert response.source == {"KRW-BTC": "feed"}
        assert exchange.stats()["groups"]["ticker"]["requests"] == 0


@pytest.mark.parametrize(
    ("symbols", "channel", "error", "words"),
    [
        ("KRW-BCT", "ticker", mk.UnknownSymbol, "did you mean 'KRW-BTC'"),
        (["KRW-BTC", "KRW-NONE"], "trade", mk.UnknownSymbol, "KRW-NONE"),
        ([f"KRW-X{number}" for number in range(10_000)], "ticker", mk.UnknownSymbol, "KRW-X"),
        ("KRW-BTC", "candle.7m", mk.InputError, "one of ticker"),
        ([], "ticker", mk.InputError, "empty"),
    ],
)
def test_what_the_exchange_does_not_stream_is_an_error_and_not_silence(
    provider, exchange, symbols, channel, error, words
):
    with pytest.raises(error, match=words):
        provider.watch(symbols, channel)
    assert not streaming(exchange)


def test_closing_the_provider_closes_its_feeds_and_the_connection(exchange, tmp_path):
    provider = mk.SmartDataProvider(endpoint=exchange.endpoint, lake=tmp_path, limits=FAST_LIMITS)
    feed = provider.watch("KRW-BTC", "ticker")
    assert feed.wait(PATIENCE)
    provider.close()
    assert feed.closed
    wait(lambda: not streaming(exchange))


def test_an_offline_provider_opens_no_stream(exchange, tmp_path):
    with mk.SmartDataProvider(
        endpoint=exchange.endpoint, lake=tmp_path, limits=FAST_LIMITS
    ) as online:
        online.get_market()
    with (
        mk.SmartDataProvider(endpoint=exchange.endpoint, lake=tmp_path, offline=True) as offline,
        pytest.raises(mk.Offline),
    ):
        offline.watch("KRW-BTC", "ticker")
