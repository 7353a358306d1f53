"""What waits for consumers: bounded, in order, and nothing lost in silence."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

import pytest

from marketkit.errors import FeedOverflow
from marketkit.realtime.consumers import Broadcast, Queue


class Event(NamedTuple):
    """Something that happened to a symbol."""

    symbol: str
    number: int


def events(*numbers: int) -> list[Event]:
    return [Event("KRW-BTC", number) for number in numbers]


def put(target: Queue | Broadcast, *numbers: int) -> None:
    for event in events(*numbers):
        target.put(event)


def test_events_wait_in_order_and_are_taken_together():
    async def main():
        queue = Queue()
        put(queue, 1, 2, 3)
        assert await queue.take() == events(1, 2, 3)

    asyncio.run(main())


def test_of_states_the_newest_of_each_symbol_waits():
    async def main():
        queue = Queue(coalesces=True, limit=1)
        put(queue, 1, 2, 3)
        queue.put(Event("KRW-ETH", 4))
        assert await queue.take() == [Event("KRW-BTC", 3), Event("KRW-ETH", 4)]

    asyncio.run(main())


def test_an_overflow_is_raised_where_the_events_were_lost_and_the_queue_goes_on():
    async def main():
        queue = Queue(limit=2)
        put(queue, 1, 2, 3, 4)
        assert await queue.take() == events(1, 2)
        put(queue, 5)
        with pytest.raises(FeedOverflow, match="3 events were lost") as caught:
            await queue.take()
        assert caught.value.lost == 3
        put(queue, 6)
        assert await queue.take() == events(6)

    asyncio.run(main())


def test_what_waits_is_given_before_the_end():
    async def main():
        queue = Queue()
        put(queue, 1)
        queue.close()
        assert await queue.take() == events(1)
        assert await queue.take() is None

    asyncio.run(main())


def test_who_waits_is_woken_by_an_event_and_by_the_end():
    async def main():
        queue = Queue()
        waiting = asyncio.create_task(queue.take())
        await asyncio.sleep(0)
        put(queue, 1)
        assert await waiting == events(1)
        waiting = asyncio.create_task(queue.take())
        await asyncio.sleep(0)
        queue.close()
        assert await waiting is None

    asyncio.run(main())


def test_each_consumer_gets_all_events_and_losses_are_counted():
    async def main():
        broadcast = Broadcast()
        quick, slow, gone = (
            broadcast.open(Queue()),
            broadcast.open(Queue(limit=1)),
            broadcast.open(Queue()),
        )
        broadcast.leave(gone)
        put(broadcast, 1, 2)
        assert await quick.take() == events(1, 2)
        assert await slow.take() == events(1)
        assert (broadcast.events, broadcast.lost) == (2, 1)
        broadcast.close()
        assert await quick.take() is None
        assert await broadcast.open(Queue()).take() is None

    asyncio.run(main())
