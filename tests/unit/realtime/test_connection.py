"""One websocket: its pace, signs of life, and the streams that are asked for on it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from websockets.asyncio.server import serve
from websockets.datastructures import Headers
from websockets.exceptions import InvalidStatus
from websockets.http11 import Response

from marketkit.errors import BadResponse
from marketkit.exchange.dialect import RateLimit
from marketkit.realtime.connection import Connection, Pace, refusal, shake_hands
from tests.unit.realtime.conftest import QUICK, Heard, ticker, tickers, until
from tests.waiting import PATIENCE


def test_a_silent_socket_is_asked_for_a_sign_of_life_and_then_given_up(meet):
    async def main():
        async with meet() as (client, peer):
            heard = Heard()
            peer.greeting = lambda: ticker("KRW-BTC")
            client.subscribe(heard, tickers("KRW-BTC"))
            await until(lambda: peer.handshakes == 2)
            assert "PING" in peer.messages
            assert heard.interruptions[0][1] == "silent for 0.4s"

    asyncio.run(main())


def test_heartbeats_keep_a_quiet_connection(meet):
    async def main():
        async with meet(replace(QUICK, silence=1.0)) as (client, peer):
            peer.heartbeat = True
            heard = Heard()
            client.subscribe(heard, tickers("KRW-BTC"))
            began = asyncio.get_running_loop().time()
            await until(lambda: asyncio.get_running_loop().time() > began + 1.5)
            assert peer.handshakes == 1
            assert peer.messages.count("PING") <= 10
            assert not heard.interruptions

    asyncio.run(main())


def test_no_origin_is_named_in_the_handshake(meet):
    async def main():
        async with meet() as (client, peer):
            client.subscribe(Heard(), tickers("KRW-BTC"))
            await until(lambda: peer.headers)
            assert "Origin" not in peer.headers[0]

    asyncio.run(main())


def test_changes_are_merged_so_that_a_connections_message_limits_hold(meet):
    async def main():
        async with meet() as (client, peer):
            for number in range(50):
                client.subscribe(Heard(), tickers(f"KRW-C{number}"))
                await asyncio.sleep(0)
            await until(lambda: len(peer.subscriptions[-1:]) and _codes(peer) == 50)
            assert len(peer.messages) <= 5

    asyncio.run(main())


def _codes(peer) -> int:
    return len(peer.subscriptions[-1]["ticker"])


def test_no_window_of_any_limit_holds_too_many_messages():
    pace, now, sent = Pace(), 0.0, []
    for _ in range(400):
        now += pace.delay(now)
        pace.sent(now)
        sent.append(now)
    assert all(later - first > 1 for first, later in zip(sent, sent[5:], strict=False))
    assert all(later - first > 60 for first, later in zip(sent, sent[100:], strict=False))


def test_a_pace_lets_the_first_messages_go_at_once_and_then_waits_a_little_longer_than_it_must():
    pace = Pace((RateLimit(2, 1.0),))
    assert pace.delay(0.0) == 0
    pace.sent(0.0)
    pace.sent(0.25)
    assert 1.0 < pace.delay(0.0) < 1.1
    assert pace.delay(1.1) == 0


@pytest.mark.parametrize(
    ("status", "headers", "words", "wait"),
    [
        (429, [("Retry-After", "7")], "ws://here answered the handshake with HTTP 429", 7.0),
        (302, [("Location", "ws://x/")], "HTTP 302 to 'ws://x/': not followed", None),
        (302, [("Location", "a" * 100)], f"to '{'a' * 80}…'", None),
        (302, [("Location", "/1"), ("Location", "/2")], "to '/1'", None),
        (503, [], "HTTP 503", None),
    ],
)
def test_a_refused_handshake_says_what_came_and_how_long_to_wait(status, headers, words, wait):
    answer = Response(status, "?", Headers(headers))
    reason, seconds = refusal("ws://here", InvalidStatus(answer))
    assert words in str(reason)
    assert seconds == wait


def test_the_same_streams_are_asked_for_again_where_somebody_wants_to(meet):
    async def main():
        async with meet() as (client, peer):
            client.subscribe(Heard(), tickers("KRW-BTC"))
            await until(lambda: peer.subscriptions)
            client._connection.change()
            client._connection.change(again=True)
            await until(lambda: len(peer.subscriptions) == 2)
            assert peer.subscriptions[0] == peer.subscriptions[1]

    asyncio.run(main())


def test_a_failure_to_take_a_message_ends_the_connection_and_nothing_is_taken_after_it():
    async def say(peer):
        await peer.send([b"in ", b"parts"])
        for number in range(100):
            await peer.send(b"%d" % number)
        await peer.wait_closed()

    taken = []

    def take(raw):
        taken.append(raw)
        if raw == b"7":
            raise BadResponse("nonsense")

    async def main():
        async with serve(say, "127.0.0.1", 0) as server:
            url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
            socket = await shake_hands(url, QUICK, 1000)
            wanted = {"ticker": {"KRW-BTC"}}
            connection = Connection(
                socket, QUICK, wanted=lambda: wanted, take=take, clock=lambda: 0
            )
            with pytest.raises(BadResponse, match="nonsense"):
                await asyncio.wait_for(connection.run(), PATIENCE)

    asyncio.run(main())
    assert taken == [b"in parts", *(b"%d" % number for number in range(8))]
