"""One websocket that comes back, against a server on a real socket."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from marketkit.realtime.client import RealtimeClient
from marketkit.realtime.subscriptions import Stream
from tests.unit.realtime.conftest import QUICK, Heard, ticker, tickers, until


def test_what_all_consumers_want_is_asked_for_together_on_one_connection(meet):
    async def main():
        async with meet() as (client, peer):
            one, other = Heard(), Heard()
            client.subscribe(one, tickers("KRW-BTC", "KRW-ETH"))
            client.subscribe(other, [*tickers("KRW-BTC"), Stream("trade", "KRW-XRP")])
            await until(lambda: peer.subscriptions)
            assert peer.subscriptions[-1] == {
                "ticker": ["KRW-BTC", "KRW-ETH"],
                "trade": ["KRW-XRP"],
            }
            await peer.say(ticker("KRW-BTC"), ticker("KRW-ETH"))
            await until(lambda: len(one.messages) == 2)
            assert [each.symbol for each in other.messages] == ["KRW-BTC"]
            assert peer.handshakes == 1

    asyncio.run(main())


def test_a_consumer_who_leaves_does_not_take_the_streams_of_another_with_him(meet):
    async def main():
        now = 0
        async with meet(clock=lambda: now) as (client, peer):
            one, other = Heard(), Heard()
            client.subscribe(one, tickers("KRW-BTC", "KRW-ETH"))
            client.subscribe(other, tickers("KRW-BTC"))
            await until(lambda: peer.subscriptions)
            client.release(one, tickers("KRW-BTC", "KRW-ETH"))
            client.release(one, tickers("KRW-BTC"))  # a second time does nothing
            now = 179_999
            await peer.say(ticker("KRW-BTC"), ticker("KRW-ETH"))
            await until(lambda: len(other.messages) == 1)
            assert one.messages == []
            assert len(peer.subscriptions) == 1
            now = 180_000
            await until(lambda: len(peer.subscriptions) == 2)
            assert peer.subscriptions[-1] == {"ticker": ["KRW-BTC"]}
            client.release(other, tickers("KRW-BTC"))
            now = 360_000
            await until(lambda: not peer.open)
            assert client.streams() == {}
            assert not client.connected

    asyncio.run(main())


def test_who_comes_back_after_the_end_gets_a_new_connection(meet):
    async def main():
        async with meet() as (client, peer):
            one = Heard()
            client.subscribe(one, tickers("KRW-BTC"))
            await until(lambda: peer.subscriptions)
            client.release(one, tickers("KRW-BTC"))
            await client.end_unused()
            await until(lambda: not peer.open)
            client.subscribe(one, tickers("KRW-BTC"))
            await until(lambda: len(peer.subscriptions) == 2)

    asyncio.run(main())


def test_it_comes_back_after_a_reset_and_says_since_when_something_may_be_missing(meet):
    async def main():
        now = itertools.count(1000)
        async with meet(clock=lambda: next(now)) as (client, peer):
            peer.greeting = lambda: ticker("KRW-BTC", time=next(now))
            heard = Heard()
            client.subscribe(heard, tickers("KRW-BTC"))
            await until(lambda: heard.messages)
            peer.drop()
            await until(lambda: len(heard.messages) == 2)
            ((missing_since, reason),) = heard.interruptions
            (found,) = client.interruptions
            assert found.start == missing_since
            assert found.start <= heard.messages[1].time <= found.end
            assert reason
            assert client.connected

    asyncio.run(main())


def test_a_server_that_accepts_and_closes_is_not_stormed(meet):
    async def main():
        async with meet() as (client, peer):
            peer.hang_up = True
            client.subscribe(Heard(), tickers("KRW-BTC"))
            await until(lambda: peer.handshakes >= 5)
            waits = [client._wait(failures) for failures in range(1, 8)]
            assert waits[0] < waits[2]
            assert max(waits) <= QUICK.longest

    asyncio.run(main())


def test_a_connection_that_lived_is_followed_by_the_next_at_once(meet):
    async def main():
        async with meet() as (client, _):
            assert client._wait(0) == 0

    asyncio.run(main())


def test_refused_handshakes_are_tried_again(meet):
    async def main():
        async with meet() as (client, peer):
            peer.refuse = 2
            client.subscribe(Heard(), tickers("KRW-BTC"))
            await until(lambda: peer.subscriptions)
            assert client.stats.refused == 2
            assert peer.handshakes == 3

    asyncio.run(main())


def test_a_frame_that_cannot_be_read_is_counted_and_may_have_hidden_something(meet):
    async def main():
        async with meet() as (client, peer):
            heard = Heard()
            client.subscribe(heard, tickers("KRW-BTC"))
            await until(lambda: peer.subscriptions)
            await peer.say(ticker("KRW-BTC", 1), b'{"ty":"ticker","cd":', ticker("KRW-BTC", 2))
            await until(lambda: len(heard.messages) == 2)
            assert client.stats.wrong == 1
            assert len(heard.interruptions) == len(client.interruptions) == 1
            assert peer.handshakes == 1

    asyncio.run(main())


def test_a_connection_that_only_talks_nonsense_is_given_up(meet):
    async def main():
        async with meet() as (client, peer):
            client.subscribe(Heard(), tickers("KRW-BTC"))
            await until(lambda: peer.subscriptions)
            await peer.say(*[b"nonsense"] * 20)
            await until(lambda: peer.handshakes == 2)
            assert client.stats.wrong == 20

    asyncio.run(main())


def test_an_error_of_the_exchange_ends_the_connection_which_then_comes_back(meet):
    async def main():
        async with meet() as (client, peer):
            client.subscribe(Heard(), tickers("KRW-BTC"))
            await until(lambda: peer.subscriptions)
            await peer.say(b'{"error":{"name":"NO_CODES","message":"?"}}')
            await until(lambda: len(peer.subscriptions) == 2)

    asyncio.run(main())


def test_a_listener_that_stumbles_does_not_end_the_streams_of_all(meet, caplog):
    class Clumsy(Heard):
        def receive(self, message):
            super().receive(message)
            raise ZeroDivisionError

    async def main():
        async with meet() as (client, peer):
            peer.greeting = lambda: ticker("KRW-BTC")
            clumsy = Clumsy()
            client.subscribe(clumsy, tickers("KRW-BTC"))
            await until(lambda: len(clumsy.messages) == 2)
            assert peer.handshakes >= 2

    asyncio.run(main())
    assert "stumbled" in caplog.text


def test_an_old_state_does_not_replace_a_newer_one(meet):
    async def main():
        async with meet() as (client, peer):
            heard = Heard()
            client.subscribe(heard, tickers("KRW-BTC"))
            await until(lambda: peer.subscriptions)
            await peer.say(ticker("KRW-BTC", 2, 20), ticker("KRW-BTC", 1, 10))
            await peer.say(ticker("KRW-BTC", 3, 30))
            await until(lambda: len(heard.messages) == 2)
            assert [each.price for each in client.channel("ticker").known(["KRW-BTC"])] == [3.0]

    asyncio.run(main())


@pytest.mark.parametrize("times", [1, 3])
def test_a_session_nobody_uses_opens_nothing(meet, times):
    async def main():
        async with meet() as (client, peer):
            for _ in range(times):
                await client.close()
            assert isinstance(client, RealtimeClient)
            assert peer.handshakes == 0

    asyncio.run(main())
