"""Calls answered by streams that are open: the same answer as REST's, and nothing is asked."""

from __future__ import annotations

import contextlib

import pytest

import marketkit as mk
from marketkit.cache.memory import Memory
from marketkit.clock import age_clock
from tests.integration.conftest import FAST_LIMITS, NOW
from tests.waiting import PATIENCE, wait

BUSY = ["KRW-BTC", "KRW-ETH"]
CALLS = {
    "ticker": ("ticker", lambda by: by.get_ticker(BUSY)),
    "orderbook": ("orderbook", lambda by: by.get_orderbook(BUSY)),
    "the whole orderbook": ("orderbook", lambda by: by.get_orderbook(BUSY, depth=30)),
    "trade": ("trade", lambda by: by.get_trade(BUSY, count=1)),
    "candle": ("candle.1m", lambda by: by.get_candle(BUSY, "1m", count=1, forming=True)),
    "candle of an hour": ("candle.1h", lambda by: by.get_candle(BUSY, "1h", count=1, forming=True)),
}
each_call = pytest.mark.parametrize(("channel", "call"), CALLS.values(), ids=CALLS)


@pytest.fixture(autouse=True)
def _running(exchange):
    """Let the clock stand a moment into a minute in which both markets traded."""
    exchange.set_clock(now=NOW.replace("00:00:30", "00:07:58"))


def sources(provider, call) -> set[str]:
    """Say where a call is answered from."""
    return set(call(provider.with_response).source.values())


def heard(provider) -> None:
    """Have the newest message be of this moment, however slowly this machine came here."""
    provider.twin._streams._client.reader.heard_ns = (age_clock() + 60_000) * 1_000_000


def requests(exchange) -> int:
    return sum(group["requests"] for group in exchange.stats()["groups"].values())


def other(provider) -> mk.SmartDataProvider:
    """Another provider of the same exchange, which has no stream."""
    twin = provider.twin
    return mk.SmartDataProvider(
        endpoint=twin._endpoint, lake=twin._lake.root.with_name("other"), limits=FAST_LIMITS
    )


@each_call
def test_a_hot_feed_answers_as_rest_does_and_nothing_is_asked(provider, exchange, channel, call):
    provider.get_market()
    with provider.watch(BUSY, channel) as feed, other(provider) as asking:
        expected = call(asking)
        assert feed.wait(PATIENCE)
        exchange.reset_stats()
        heard(provider)
        reply = call(provider.with_response)
        assert set(reply.source.values()) == {"feed"}
        assert requests(exchange) == 0
        drop = ["time"] if channel == "ticker" else []
        assert reply.frame.drop(drop).equals(expected.drop(drop))


@each_call
def test_an_interrupted_feed_does_not_answer_until_it_is_whole_again(
    provider, exchange, channel, call
):
    provider.get_market()
    with provider.watch(BUSY, channel) as feed:
        assert feed.wait(PATIENCE)
        client = provider.twin._streams._client
        heard(provider)
        assert sources(provider, call) == {"feed"}
        exchange.set_faults({"accept-close": 1.0})
        provider.twin._streams._client._connection._socket.transport.abort()
        wait(lambda: not client.connected)
        assert "feed" not in sources(provider, call)
        exchange.set_faults({})
        wait(lambda: client.connected and len(client.hot(name_of(channel), BUSY, 1)) == len(BUSY))
        provider.twin._router.memory = Memory()
        heard(provider)
        assert sources(provider, call) == {"feed"}


def name_of(channel: str) -> str:
    return "candle.60m" if channel == "candle.1h" else channel


def test_the_age_of_an_answer_counts_from_the_newest_message(provider):
    with provider.watch(BUSY, "ticker") as feed:
        assert feed.wait(PATIENCE)
        client = provider.twin._streams._client
        client.reader.heard_ns = (age_clock() - 100) * 1_000_000
        reply = provider.with_response.get_ticker(BUSY)
        assert set(reply.source.values()) == {"feed"}
        assert min(reply.age_ms.values()) >= 100
        # No ticker lives longer than ten seconds.
        client.reader.heard_ns = (age_clock() - 11_000) * 1_000_000
        assert sources(provider, lambda by: by.get_ticker(BUSY)) == {"rest"}


@pytest.mark.parametrize(
    "call",
    [
        lambda by: by.get_ticker(BUSY, precision="decimal"),
        lambda by: by.get_orderbook(BUSY, level=10_000),
        lambda by: by.get_trade(BUSY, count=99),
        lambda by: by.get_trade(BUSY, start=NOW),
        lambda by: by.get_candle(BUSY, "1m", count=1),
        lambda by: by.get_candle(BUSY, "1m", count=50, forming=True),
        lambda by: by.get_candle(BUSY, "1m", count=1, forming=True, fill="forward"),
        lambda by: by.get_candle(BUSY, "1d", count=1, forming=True),
    ],
)
def test_what_streams_have_not_told_is_not_answered_by_them(provider, call):
    with contextlib.ExitStack() as stack:
        for channel in ("ticker", "orderbook", "trade", "candle.1m"):
            feed = stack.enter_context(provider.watch(BUSY, channel))
            assert feed.wait(PATIENCE)
        heard(provider)
        assert "feed" not in sources(provider, call)


def test_trades_and_candles_that_were_told_one_by_one_answer_for_as_many(provider, exchange):
    with provider.watch(BUSY, "trade") as trades, provider.watch(BUSY, "candle.1m") as candles:
        assert trades.wait(PATIENCE)
        assert candles.wait(PATIENCE)
        for _ in range(4):
            exchange.advance(60)
            provider.get_candle("KRW-XRP", "1m", count=1, source="exchange")  # tells the time
        wait(lambda: candles.frame.height >= 8)
        calls = [
            lambda by: by.get_trade(BUSY, count=5),
            lambda by: by.get_candle(BUSY, "1m", count=3, forming=True),
        ]
        with other(provider) as asking:
            for call in calls:
                expected = call(asking)
                wait(lambda now=call, then=expected: settled(provider, now, then))


def settled(provider, call, expected) -> bool:
    """Say whether the streams answer, and with the same."""
    heard(provider)
    reply = call(provider.with_response)
    return set(reply.source.values()) == {"feed"} and reply.frame.equals(expected)
