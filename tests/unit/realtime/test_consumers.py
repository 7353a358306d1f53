"""Consumers: each gets all, takes what is given, and is told what it waited for in vain."""

from __future__ import annotations

import asyncio
import pickle
import threading
from typing import NamedTuple

import pytest

from marketkit.errors import EngineClosed, InputError, NotPicklable, TimedOut
from marketkit.net.engine import engine
from marketkit.realtime.consumers import Broadcast, Consumer
from marketkit.realtime.queue import Queue
from tests.waiting import PATIENCE


class Event(NamedTuple):
    """Something that happened to a symbol."""

    symbol: str
    number: int


def events(*numbers: int) -> list[Event]:
    return [Event("KRW-BTC", number) for number in numbers]


def put(target: Broadcast, *numbers: int) -> None:
    for event in events(*numbers):
        target.put(event)


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


def numbers(events: list[Event]) -> list[int]:
    return [event.number for event in events]


def consumer(broadcast: Broadcast, framed=numbers) -> Consumer:
    return Consumer("the test", broadcast, Queue(), framed)


def test_a_consumer_is_read_in_a_thread_and_on_a_loop_by_turns():
    broadcast = Broadcast()
    reader = consumer(broadcast)
    put(broadcast, 1, 2)
    assert next(reader) == [1, 2]
    put(broadcast, 3)

    async def main() -> list[int]:
        return await anext(reader)

    assert asyncio.run(main()) == [3]
    broadcast.close()
    assert list(reader) == []


def test_whoever_waits_too_long_is_told_of_what_and_the_events_come_later():
    broadcast = Broadcast()
    reader = consumer(broadcast)
    for patience in (0, 0.01):
        with pytest.raises(TimedOut, match=f"within {patience:g}s from 'the test'"):
            reader.next(timeout=patience)
    threading.Timer(0.01, put, (broadcast, 1)).start()
    assert reader.next(timeout=PATIENCE) == [1]
    for wrong in (-1, float("nan")):
        with pytest.raises(InputError, match="timeout="):
            reader.next(timeout=wrong)


def test_events_that_make_no_frame_are_an_error_once_and_hold_up_nothing():
    broadcast = Broadcast()

    def framed(events: list[Event]) -> list[int]:
        if events[0].number == 1:
            raise ZeroDivisionError
        return numbers(events)

    reader = consumer(broadcast, framed)
    put(broadcast, 1)
    with pytest.raises(ZeroDivisionError):
        next(reader)
    put(broadcast, 2)
    assert next(reader) == [2]


@pytest.mark.parametrize("how", [KeyboardInterrupt(), TypeError("no data type")])
def test_an_interrupt_while_a_frame_is_made_takes_nothing(how):
    """Polars makes errors of its own of an interrupt; either comes out as Ctrl-C."""
    broadcast, struck = Broadcast(), [how]

    def framed(events: list[Event]) -> list[int]:
        if struck:
            raise struck.pop()
        return numbers(events)

    reader = consumer(broadcast, framed)
    put(broadcast, 1)
    with pytest.raises(KeyboardInterrupt):
        next(reader)
    assert next(reader) == [1]


def test_on_the_engines_own_thread_a_consumer_does_not_wait_for_itself():
    reader = consumer(Broadcast())

    async def misuse() -> None:
        next(reader)

    with pytest.raises(EngineClosed, match="wait for itself"):
        engine().run(misuse())


def test_an_idle_queue_counts_for_nobody():
    broadcast = Broadcast()
    queue = broadcast.open(Queue(limit=1))
    broadcast.open(Queue(), like=queue)
    put(broadcast, 1, 2, 3)
    assert broadcast.lost == 0
    assert broadcast.backlog == 3


def test_a_consumer_is_not_pickled():
    with pytest.raises(NotPicklable, match="Consumer"):
        pickle.dumps(consumer(Broadcast()))
