"""The listener of a feed, between streams and the consumers of the feed."""

from __future__ import annotations

import asyncio

import pytest

from marketkit.errors import NetworkError
from marketkit.exchange.upbit.messages import Ticker
from marketkit.realtime.channels import channel_of
from marketkit.realtime.consumers import Queue
from marketkit.realtime.listener import FeedListener


def test_events_are_passed_on_until_the_end():
    async def main():
        listener = FeedListener()
        queue = listener.broadcast.open(Queue())
        message = Ticker("KRW-BTC", 1, 2.0)
        listener.receive(message)
        assert await queue.take() == [message]
        assert listener.lay(channel_of("ticker"), [message])["price"].to_list() == [2.0]
        await listener.finish(OSError("torn"))
        with pytest.raises(OSError, match="torn"):
            await queue.take()
        assert isinstance(listener.failure, OSError)

    asyncio.run(main())


def test_interruptions_are_remembered_and_so_is_a_market_that_has_ended():
    listener = FeedListener()
    listener.interrupted(5, "reset")
    listener.interrupted(6, "odd", "KRW-BTC")
    listener.leave("KRW-ETH", 7, "KRW-ETH has ended")
    assert [(each.start, each.closed) for each in listener.interruptions] == [
        (5, None),
        (6, None),
        (7, 7),
    ]


def test_who_waits_while_no_connection_opens_is_told_why_and_may_wait_on():
    async def main():
        listener = FeedListener()
        queue = listener.broadcast.open(Queue())
        listener.unopened(NetworkError("nobody waits yet"))
        waiting = asyncio.create_task(queue.take())
        await asyncio.sleep(0.01)
        listener.unopened(NetworkError("no door"))
        with pytest.raises(NetworkError, match="no door"):
            await waiting
        listener.receive(Ticker("KRW-BTC", 1, 2.0))
        assert len(await queue.take()) == 1

    asyncio.run(main())
