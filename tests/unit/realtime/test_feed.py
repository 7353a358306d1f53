"""Feeds on the engine's loop, against a server on a real socket."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any, NamedTuple

import polars as pl
import pytest

from marketkit.errors import FeedOverflow, InputError, NetworkError
from marketkit.exchange.upbit.messages import Trade
from marketkit.net.engine import engine
from marketkit.realtime.client import RealtimeClient
from marketkit.realtime.consumers import Consumer
from marketkit.realtime.feed import Feed
from marketkit.realtime.queue import BUFFER, Queue
from tests.unit.realtime.conftest import Peer, ticker, until
from tests.waiting import PATIENCE


class Line(NamedTuple):
    """A client, its peer, and both's event loop."""

    client: RealtimeClient
    peer: Peer

    def watch_unheard(self, *symbols: str) -> Feed:
        """Open a feed of which the exchange need not know."""

        async def make() -> Feed:
            return Feed(self.client, "ticker", symbols, lambda frame: frame)

        return engine().run(make())

    def watch(self, *symbols: str, channel: str = "ticker") -> Feed:
        """Open a feed once the exchange knows of it."""
        before = len(self.peer.messages)

        async def make() -> Feed:
            feed = Feed(self.client, channel, symbols, lambda frame: frame)
            await until(lambda: len(self.peer.messages) > before)
            return feed

        return engine().run(make())

    def say(self, *frames: bytes) -> None:
        """Have the exchange send frames."""
        engine().run(self.peer.say(*frames))

    def wait(self, condition: Callable[[], object]) -> None:
        """Wait until something holds."""
        engine().run(until(condition))


@pytest.fixture
def line(meet) -> Iterator[Line]:
    """A client with its peer on the engine's loop."""
    stack = AsyncExitStack()

    async def enter() -> Line:
        return Line(*await stack.enter_async_context(meet()))

    yield engine().run(enter())
    engine().run(stack.aclose())


def trade(number: int) -> bytes:
    return (
        b'{"ty":"trade","cd":"KRW-BTC","tms":1,"ttms":%d,"tp":%d,"tv":1,"ab":"BID","pcp":1,'
        b'"c":"RISE","cp":1,"sid":%d,"st":"REALTIME"}'
    ) % (number, number, number)


def test_the_frame_is_the_newest_state_of_each_symbol(line):
    feed = line.watch("KRW-BTC", "KRW-ETH")
    assert feed.frame.is_empty()
    line.say(ticker("KRW-ETH", 5), ticker("KRW-BTC", 1), ticker("KRW-BTC", 2))
    assert feed.wait(PATIENCE)
    line.wait(lambda: feed.stats.events == 3)
    assert feed.frame["symbol"].to_list() == ["KRW-BTC", "KRW-ETH"]
    assert feed.frame["price"].to_list() == [2.0, 5.0]
    feed.close()


def test_waiting_for_a_state_that_does_not_come_ends_in_time(line):
    feed = line.watch("KRW-BTC", "KRW-ETH")
    line.say(ticker("KRW-BTC"))
    assert not feed.wait(timeout=0.05)


def test_a_loop_over_a_feed_gets_frames_of_events_until_it_is_closed(line):
    feed = line.watch("KRW-BTC", channel="trade")
    prices: list[float] = []

    def consume() -> None:
        for frame in feed:
            prices.extend(frame["price"])

    consumer = threading.Thread(target=consume)
    consumer.start()
    line.wait(lambda: feed._broadcast._queues)
    line.say(*[trade(number) for number in range(1, 6)])
    line.wait(lambda: len(prices) == 5)
    feed.close()
    consumer.join(PATIENCE)
    assert not consumer.is_alive()
    assert prices == [1.0, 2.0, 3.0, 4.0, 5.0]


def test_an_async_loop_on_another_event_loop_gets_the_same(line):
    feed = line.watch("KRW-BTC")
    line.say(ticker("KRW-BTC", 7))
    assert feed.wait(PATIENCE)

    async def main() -> list[float]:
        async with feed:
            async for frame in feed:
                return frame["price"].to_list()
        return []

    assert asyncio.run(main()) == [7.0]
    assert feed.closed


def test_each_consumer_gets_all_trades_and_one_that_comes_twice_is_one(line):
    feed = line.watch("KRW-BTC", channel="trade")
    one, other = iter(feed), iter(feed)
    line.say(trade(1), trade(2), trade(1))
    line.wait(lambda: line.client.stats.frames == 3)
    assert next(one)["sequential_id"].to_list() == [1, 2]
    assert next(other)["sequential_id"].to_list() == [1, 2]


def test_a_consumer_that_reads_too_slowly_is_told_what_it_lost(line):
    feed = line.watch("KRW-BTC", channel="trade")
    reader = Consumer(feed, feed._broadcast, Queue(limit=2), feed._framed)
    line.say(*[trade(number) for number in range(1, 6)])
    line.wait(lambda: feed.stats.events == 5)
    assert next(reader).height == 2
    with pytest.raises(FeedOverflow, match="3 events were lost"):
        next(reader)
    assert feed.stats.lost == 3
    line.say(trade(9))
    assert next(reader)["sequential_id"].to_list() == [9]


def test_a_consumer_that_never_reads_holds_no_more_than_the_bound(line):
    feed = line.watch("KRW-BTC", channel="trade")
    idle, busy = iter(feed), Queue()
    feed._broadcast.open(busy)

    async def flood() -> int:
        seen = 0
        for number in range(1, BUFFER + 51):
            feed._listener.receive(
                Trade("KRW-BTC", 1, 1, 1.0, 1.0, "BID", 1.0, "EVEN", 0.0, number)
            )
            seen += len(await busy.take() or ()) if number % 10_000 == 0 else 0
        return seen + len(await busy.take() or ())

    assert engine().run(flood()) == BUFFER + 50
    assert len(idle._queue) == BUFFER
    assert feed.stats.lost == 50
    assert next(idle)["sequential_id"][-1] == BUFFER
    with pytest.raises(FeedOverflow, match="50 events were lost"):
        next(idle)


def test_callbacks_are_called_and_one_that_raises_is_reported_while_the_feed_lives(line, caplog):
    feed = line.watch("KRW-BTC")
    seen: list[pl.DataFrame] = []

    def fail(_: Any) -> None:
        raise ZeroDivisionError("of no use")

    feed.on(fail).on(seen.append)
    line.say(ticker("KRW-BTC", 1))
    line.wait(lambda: seen and feed.errors)
    line.say(ticker("KRW-BTC", 2))
    line.wait(lambda: len(seen) == 2 and len(feed.errors) == 2)
    assert isinstance(feed.errors[0], ZeroDivisionError)
    assert "a callback failed" in caplog.text
    with pytest.raises(InputError, match="async for"):
        feed.on(until)
    feed.close()


def test_a_feed_that_nobody_holds_any_more_lets_go_of_its_streams(line):
    feed = line.watch("KRW-BTC")
    assert line.client._subscriptions.in_use()
    del feed
    gc.collect()
    line.wait(lambda: not line.client._subscriptions.in_use())


def test_a_loop_over_a_feed_without_a_name_keeps_it(line):
    async def make() -> Any:
        return iter(Feed(line.client, "ticker", ["KRW-BTC"], lambda frame: frame))

    reader = engine().run(make())
    gc.collect()
    line.wait(lambda: line.peer.subscriptions)
    line.say(ticker("KRW-BTC", 3))
    assert next(reader)["price"].to_list() == [3.0]


def test_a_second_feed_of_the_same_streams_knows_at_once_what_the_first_one_knows(line):
    first = line.watch("KRW-BTC")
    line.say(ticker("KRW-BTC", 3))
    assert first.wait()

    async def make() -> Feed:
        return Feed(line.client, "ticker", ["KRW-BTC"], lambda frame: frame)

    second = engine().run(make())
    assert second.frame["price"].to_list() == [3.0]
    assert next(iter(second))["price"].to_list() == [3.0]
    assert len(line.peer.subscriptions) == 1


def test_interruptions_are_listed(line):
    feed = line.watch("KRW-BTC")
    line.peer.greeting = lambda: ticker("KRW-BTC", 2)
    line.say(ticker("KRW-BTC"))
    assert feed.wait(PATIENCE)
    line.peer.drop()
    line.wait(lambda: feed.stats.interruptions == 1 and feed.stats.connected)
    (found,) = feed.interruptions.rows(named=True)
    assert found["end"] == found["closed"] is not None
    assert found["how"] == "stream"
    assert "1 symbols" not in repr(feed)
    assert repr(feed).startswith("<Feed ticker of KRW-BTC: live, ")


def test_candles_of_a_feed_have_a_state(line):
    feed = line.watch("KRW-BTC", channel="candle.1m")
    text = (
        '{"ty":"candle.1m","cd":"KRW-BTC","cdttmu":"1970-01-01T00:0%d:00","op":2,"hp":3,"lp":1,'
        '"tp":2,"catv":1,"catp":2,"tms":%d,"st":"REALTIME"}'
    )
    line.say(*[(text % (minute, minute)).encode() for minute in (0, 1)])
    line.wait(lambda: feed.stats.events == 2)
    assert feed.frame["state"].to_list() == ["closed", "forming"]


def test_who_waits_for_a_stream_that_does_not_open_is_told_why(line):
    line.peer.refuse = 10_000
    feed = line.watch_unheard("KRW-BTC")
    line.wait(lambda: feed.failure is not None)
    with pytest.raises(NetworkError, match="HTTP 429"):
        feed.wait(0.01)
    assert "HTTP 429" in repr(feed)
    with pytest.raises(NetworkError, match="HTTP 429"):
        next(iter(feed))
    assert "HTTP 429" in str(feed.unheard)
    assert [*feed.interruptions["end"]] == [None]
    assert "HTTP 429" in feed.interruptions["reason"][0]
    line.peer.refuse = 0
    line.peer.greeting = lambda: ticker("KRW-BTC")
    assert feed.wait(PATIENCE)
    assert feed.failure is None
    assert feed.unheard is None
    assert feed.interruptions["end"].null_count() == 0


def test_a_feed_that_is_closed_before_anything_came_says_so(line):
    feed = line.watch("KRW-BTC")
    feed.close()
    assert "no message has come yet" in str(feed.unheard)


def test_markets_join_and_leave_a_feed(line):
    feed = line.watch("KRW-BTC", "KRW-ETH")
    line.say(ticker("KRW-BTC"), ticker("KRW-ETH"))
    assert feed.wait(PATIENCE)

    async def change() -> None:
        feed.leave("KRW-ETH", "KRW-ETH has ended")
        feed.join(["KRW-XRP"])

    engine().run(change())
    line.wait(lambda: "KRW-XRP" in line.peer.subscriptions[-1]["ticker"])
    line.say(ticker("KRW-XRP"))
    line.wait(lambda: feed.frame["symbol"].to_list() == ["KRW-BTC", "KRW-XRP"])
    assert feed.symbols == ("KRW-BTC", "KRW-XRP")
    assert feed.interruptions["reason"].to_list() == ["KRW-ETH has ended"]
    assert feed.interruptions["closed"].null_count() == 0


def test_who_waits_for_every_market_does_not_wait_for_one_that_has_left(line):
    feed = line.watch("KRW-BTC", "KRW-ETH")
    line.say(ticker("KRW-BTC"))
    line.wait(lambda: feed.stats.events)
    assert not feed.wait(0.01)

    async def leave() -> None:
        feed.leave("KRW-ETH", "KRW-ETH has ended")

    waiting = engine().submit(feed.ready(PATIENCE))
    engine().run(leave())
    assert waiting.result(PATIENCE)
