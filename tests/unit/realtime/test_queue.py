"""What waits for one consumer: bounded, in order, and nothing lost in silence."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import NamedTuple

import pytest

from marketkit.errors import EngineClosed, FeedOverflow
from marketkit.net.engine import Engine
from marketkit.realtime import queue as module
from marketkit.realtime.queue import Queue
from tests.waiting import PATIENCE


class Event(NamedTuple):
    """Something that happened to a symbol."""

    symbol: str
    number: int


def events(*numbers: int) -> list[Event]:
    return [Event("KRW-BTC", number) for number in numbers]


def put(target: Queue, *numbers: int) -> None:
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


def test_what_was_looked_at_waits_until_it_was_given_and_is_given_once():
    queue = Queue()
    put(queue, 1, 2)
    one, other = queue.look(), queue.look()
    assert one.events == other.events == events(1, 2)
    put(queue, 3)
    assert queue.give(one)
    assert not queue.give(other)
    assert len(queue) == 1
    assert queue.look().events == events(3)


def test_of_states_one_that_is_newer_than_the_given_one_still_waits():
    queue = Queue(coalesces=True)
    put(queue, 1)
    batch = queue.look()
    put(queue, 2)
    assert queue.give(batch)
    assert len(queue) == 1
    assert queue.look().events == events(2)


def test_events_that_were_given_make_room():
    queue = Queue(limit=2)
    put(queue, 1, 2)
    assert queue.give(queue.look())
    assert queue.put(events(3)[0])
    assert len(queue) == 1


def test_a_receiver_that_is_cancelled_at_any_moment_takes_nothing():
    """Events come from another thread, as they do from the engine's loop."""
    queue, got = Queue(), []
    numbers = range(2000)

    def tell() -> None:
        for number in numbers:
            put(queue, number)
            time.sleep(0)
        queue.close()

    async def main() -> None:
        while True:
            try:
                taken = await asyncio.wait_for(queue.take(), 0.0005)
            except TimeoutError:
                continue
            if taken is None:
                return
            got.extend(event.number for event in taken)

    teller = threading.Thread(target=tell)
    teller.start()
    asyncio.run(main())
    teller.join(PATIENCE)
    assert got == list(numbers)


def test_a_receiver_that_gave_up_leaves_nothing_behind():
    async def main() -> None:
        queue = Queue()
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(queue.take(), 0.001)
        assert not queue._wakers

    asyncio.run(main())


def test_a_thread_that_waits_is_woken_by_an_event():
    queue = Queue()
    threading.Timer(0.01, put, (queue, 1)).start()
    while (batch := queue.look()) is None:
        queue.wait(PATIENCE)
    assert batch.events == events(1)


def test_one_queue_begins_where_another_is_read_to_which_is_idle_then():
    queue, other = Queue(), Queue()
    put(queue, 1, 2, 3)
    queue.give(queue.look())
    put(queue, 4)
    other.begin_like(queue)
    put(other, 5)
    assert other.look().events == events(4, 5)
    assert queue.look().events == events(4)
    assert (queue.idle, other.idle) == (True, False)


def test_a_failure_is_raised_once_after_what_waits():
    queue = Queue()
    put(queue, 1)
    queue.close(OSError("gone"))
    assert queue.give(queue.look())
    with pytest.raises(OSError, match="gone"):
        queue.look()
    assert queue.look().events == []


def test_whoever_waits_is_told_that_the_engine_was_closed(monkeypatch):
    closed = Engine("closed")
    closed.close()
    monkeypatch.setattr(module, "engine", lambda: closed)
    with pytest.raises(EngineClosed, match="during the call"):
        asyncio.run(Queue().take())
    with pytest.raises(EngineClosed, match="during the call"):
        Queue().wait(1.0)
