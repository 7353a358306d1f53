"""One websocket that comes back, against a server on a real socket."""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import weakref
from dataclasses import replace

import pytest

from marketkit.errors import NetworkError
from marketkit.realtime import client as client_module
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


def odd(symbol: str) -> bytes:
    """Spell a ticker that has no price."""
    return json.dumps({"ty": "ticker", "cd": symbol, "tp": None, "tms": 5}).encode()


@pytest.mark.parametrize(
    "frame",
    [odd("KRW-BTC"), b"[" + odd("KRW-BTC") + b"]", odd("KRW-BTC")[:-9], b'{"cd":"KRW-BTC","x":1}'],
    ids=["null-price", "in-a-list", "torn", "no-type"],
)
def test_a_frame_that_cannot_be_read_touches_only_the_market_it_names(meet, frame):
    async def main():
        async with meet() as (client, peer):
            heard, other = Heard(), Heard()
            client.subscribe(heard, tickers("KRW-BTC"))
            client.subscribe(other, tickers("KRW-ETH"))
            await until(lambda: peer.subscriptions)
            await peer.say(ticker("KRW-BTC"), ticker("KRW-ETH"), frame, ticker("KRW-ETH", 2))
            await until(lambda: len(other.messages) == 2)
            assert heard.touched == ["KRW-BTC"]
            assert client.fresh("ticker", "KRW-BTC") is None
            assert client.fresh("ticker", "KRW-ETH") is not None
            assert other.interruptions == []
            assert client.connected
            await peer.say(ticker("KRW-BTC", 2))
            await until(lambda: len(heard.messages) == 2)
            assert client.fresh("ticker", "KRW-BTC") is not None
            ((harm,), ()) = list(client.harms), list(client.interruptions)
            assert "KRW-BTC" in harm.reason
            assert harm.end is not None
            assert client.stats.wrong == 1
            assert (peer.handshakes, len(peer.subscriptions)) == (1, 1)

    asyncio.run(main())


@pytest.mark.parametrize(
    "frame",
    [
        b"nonsense",
        b"\xff\xfe",
        b"7",
        b'{"ty":"ticker"}',
        odd("KRW-XRP"),
        b'{"ty":"ticker","cd":"KR',
    ],
)
def test_a_frame_that_cannot_be_read_and_names_no_market_of_ours_touches_none(meet, frame):
    async def main():
        async with meet() as (client, peer):
            heard = Heard()
            client.subscribe(heard, tickers("KRW-BTC"))
            await until(lambda: peer.subscriptions)
            await peer.say(ticker("KRW-BTC", 1), *[frame] * 30, ticker("KRW-BTC", 2))
            await until(lambda: len(heard.messages) == 2)
            assert heard.interruptions == []
            assert client.stats.wrong == 30
            assert not client.interruptions
            assert (peer.handshakes, len(peer.subscriptions)) == (1, 1)

    asyncio.run(main())


def test_the_readable_parts_of_a_list_are_told_and_only_the_others_are_missing(meet):
    async def main():
        async with meet() as (client, peer):
            heard = Heard()
            client.subscribe(heard, tickers("KRW-BTC", "KRW-ETH"))
            await until(lambda: peer.subscriptions)
            await peer.say(ticker("KRW-BTC"), ticker("KRW-ETH"))
            parts = [ticker("KRW-ETH", 2), odd("KRW-BTC"), ticker("KRW-ETH", 3)]
            await peer.say(b"[" + b",".join(parts) + b"]")
            await until(lambda: len(heard.messages) == 4)
            assert [each.price for each in heard.messages] == [1, 1, 2, 3]
            assert heard.touched == ["KRW-BTC"]

    asyncio.run(main())


def test_frames_of_an_unknown_type_are_counted_and_logged_once(meet, caplog):
    async def main():
        async with meet() as (client, peer):
            heard = Heard()
            client.subscribe(heard, tickers("KRW-BTC"))
            await until(lambda: peer.subscriptions)
            new = b'{"ty":"liquidation","cd":"KRW-BTC","tp":1}'
            await peer.say(ticker("KRW-BTC", 1), *[new] * 50, ticker("KRW-BTC", 2))
            await until(lambda: len(heard.messages) == 2)
            assert client.stats.unknown == {"liquidation": 50}
            assert client.stats.wrong == 0
            assert heard.interruptions == []
            assert client.state().unknown == {"liquidation": 50}

    asyncio.run(main())
    assert caplog.text.count("liquidation") == 1


def test_a_message_that_nobody_asked_for_answers_for_nothing(meet):
    async def main():
        async with meet() as (client, peer):
            heard = Heard()
            client.subscribe(heard, tickers("KRW-BTC"))
            await until(lambda: peer.subscriptions)
            await peer.say(ticker("KRW-ETH"), ticker("KRW-BTC"))
            await until(lambda: heard.messages)
            assert not client.channel("ticker").known(["KRW-ETH"])
            assert client.hot("ticker", ["KRW-BTC", "KRW-ETH"], 1) <= {"KRW-BTC"}

    asyncio.run(main())


def test_a_connection_that_for_long_only_talks_nonsense_is_given_up(meet):
    async def main():
        async with meet() as (client, peer):
            client.subscribe(Heard(), tickers("KRW-BTC"))
            await until(lambda: peer.subscriptions)
            while peer.handshakes < 2:
                await peer.say(b"nonsense")
                await asyncio.sleep(QUICK.look)

    asyncio.run(main())


def test_a_link_that_breaks_after_data_came_is_tried_again_at_once(meet):
    async def main():
        timing = replace(QUICK, lived=0.0, backoff=60.0, longest=60.0)
        async with meet(timing) as (client, peer):
            peer.greeting = lambda: ticker("KRW-BTC")
            heard = Heard()
            client.subscribe(heard, tickers("KRW-BTC"))
            for times in range(1, 6):
                await until(lambda times=times: len(heard.interruptions) == times - 1)
                await until(lambda: client.connected)
                assert peer.handshakes == times
                peer.drop()

    asyncio.run(main())


def test_no_connection_that_ended_waits_for_the_collector(meet):
    async def main():
        async with meet(replace(QUICK, lived=0.0)) as (client, peer):
            peer.greeting = lambda: ticker("KRW-BTC")
            heard = Heard()
            client.subscribe(heard, tickers("KRW-BTC"))
            known = []
            for times in range(1, 4):
                await until(lambda: client.connected)
                known += [weakref.ref(client._connection), weakref.ref(client._connection._socket)]
                peer.drop()
                await until(lambda times=times: len(heard.interruptions) == times)
            await until(lambda: client.connected)
            return [each() for each in known]

    gc.disable()
    try:
        assert asyncio.run(main()) == [None] * 6
    finally:
        gc.enable()


def test_a_link_that_breaks_again_and_again_is_not_tried_without_pauses(meet):
    async def main():
        async with meet(replace(QUICK, lived=60.0, backoff=60.0, longest=60.0)) as (client, peer):
            peer.greeting = lambda: ticker("KRW-BTC")
            heard = Heard()
            client.subscribe(heard, tickers("KRW-BTC"))
            for times in range(2):
                await until(lambda: client.connected)
                peer.drop()
                await until(lambda times=times: len(heard.interruptions) > times)
            await asyncio.sleep(5 * QUICK.look)
            assert peer.handshakes == 2

    asyncio.run(main())


def test_a_stream_that_does_not_open_says_why_and_then_nothing_more(meet, caplog):
    async def main():
        now = 1_000
        async with meet(replace(QUICK, patience=0.05), clock=lambda: now) as (client, peer):
            peer.refuse = 10_000
            heard, late = Heard(), Heard()
            client.subscribe(heard, tickers("KRW-BTC"))
            await until(lambda: heard.reasons)
            client.subscribe(late, tickers("KRW-BTC"))
            assert "HTTP 429" in str(client.unopened)
            assert "HTTP 429" in str(heard.reasons[0])
            assert "HTTP 429" in client.state().trouble
            assert [len(each.interruptions) for each in (heard, late)] == [1, 1]
            assert isinstance(client.opening, NetworkError)
            now = 2_000
            peer.refuse = 0
            peer.greeting = lambda: ticker("KRW-BTC")
            await until(lambda: heard.messages)
            assert client.unopened is None
            assert client.state().trouble is None
            assert client.opening is None
            assert [each.end for each in client.interruptions] == [2_000, 2_000]

    asyncio.run(main())
    assert caplog.text.count("does not open") == 1


def test_what_was_sent_after_the_newest_message_may_be_missing_while_messages_come(meet):
    async def main():
        now, busy = 1_000, replace(QUICK, ping=30.0, silence=60.0)
        async with meet(busy, clock=lambda: now) as (client, peer):
            heard = Heard()
            client.subscribe(heard, tickers("KRW-BTC"))
            await until(lambda: peer.subscriptions)
            await peer.say(ticker("KRW-BTC", time=1_000))
            await until(lambda: heard.messages)
            now = 9_000
            for sent in itertools.count(2_000):  # each was on its way for seven seconds
                await peer.say(ticker("KRW-BTC", time=sent))
                await asyncio.sleep(0.01)
                if client._connection.alive == now:  # a look found messages after the look before
                    break
            await until(lambda: heard.messages[-1].sent == sent)
            assert client.alive == sent
            client.reader.told_ns = client.reader.heard_ns = 0  # nothing for long, no answer either
            assert client.alive == sent
            client.reader.heard_ns = 1  # a sign of life
            assert client.alive == now
            client.reader.told_ns = client.reader.heard_ns
            peer.drop()
            await until(lambda: heard.interruptions)
            assert heard.interruptions[0][0] == sent

    asyncio.run(main())


def test_a_stream_that_opens_late_was_interrupted_from_the_beginning(meet, monkeypatch):
    monkeypatch.setattr(client_module, "SWIFT", 0.0)

    async def main():
        now = 1_000
        async with meet(clock=lambda: now) as (client, peer):
            heard = Heard()
            client.subscribe(heard, tickers("KRW-BTC"))
            await until(lambda: peer.subscriptions)
            now = 9_000
            await peer.say(ticker("KRW-BTC"))
            await until(lambda: heard.messages)
            ((start, reason),) = heard.interruptions
            assert (start, client.interruptions[0].end) == (1_000, 9_000)
            assert "nothing came for the first" in reason

    asyncio.run(main())


def test_where_our_clock_was_old_the_exchange_is_asked_and_says_the_states_again(meet):
    async def main():
        now = 0

        async def ask():
            nonlocal now
            now = 500_000

        async with meet(clock=lambda: now) as (client, peer):
            client.doubt.ask = ask
            peer.greeting = lambda: ticker("KRW-BTC", time=500_000)
            heard = Heard()
            client.subscribe(heard, tickers("KRW-BTC"))
            await until(lambda: heard.messages)
            assert client.state().ahead == 1
            assert len(peer.subscriptions) == 2
            assert peer.handshakes == 1

    asyncio.run(main())


def test_what_the_exchange_says_at_the_end_is_shown_escaped(meet):
    async def main():
        async with meet() as (client, peer):
            heard = Heard()
            peer.greeting = lambda: ticker("KRW-BTC")
            client.subscribe(heard, tickers("KRW-BTC"))
            await until(lambda: heard.messages)
            await peer.open[0].close(1011, "\x1b[2J\u202e")
            await until(lambda: heard.interruptions)
            assert heard.interruptions[0][1].isprintable()

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
            deaf = Heard()
            client.subscribe(deaf, tickers("KRW-BTC"))
            await until(lambda: clumsy.messages)
            await peer.say(ticker("KRW-BTC", 2))
            await until(lambda: deaf.messages[-1:] and deaf.messages[-1].price == 2)
            assert len(clumsy.messages) == 2
            assert clumsy.touched == ["KRW-BTC"] * 2
            assert deaf.interruptions == []
            assert peer.handshakes == 1

    asyncio.run(main())
    assert caplog.text.count("stumbled") == 1


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
