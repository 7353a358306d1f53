"""Callbacks: in order, each in a thread of its own, whatever another one does."""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Callable
from typing import NamedTuple

import pytest

from marketkit.errors import FeedOverflow, InputError
from marketkit.realtime.callbacks import Callback, Failures
from marketkit.realtime.consumers import Broadcast, Consumer
from marketkit.realtime.queue import Queue
from tests.waiting import PATIENCE


class Event(NamedTuple):
    """Something that happened to a symbol."""

    symbol: str
    number: int


class Bench:
    """Callbacks of one broadcast; `done` waits until all of them were told of the end."""

    def __init__(self) -> None:
        self.broadcast = Broadcast()
        self.failures = Failures()
        self._ends: list[threading.Event] = []

    def on(self, call: Callable[[list[int]], object], limit: int = 1000) -> None:
        """Have something called."""
        end = threading.Event()
        self._ends.append(end)
        queue = Queue(limit=limit)
        consumer = Consumer(None, self.broadcast, queue, lambda e: [each.number for each in e])
        Callback(call, self.failures).serve(consumer, end.set)

    def put(self, *numbers: int) -> None:
        """Let something happen."""
        for number in numbers:
            self.broadcast.put(Event("KRW-BTC", number))

    def done(self) -> None:
        """End the events, and wait for the ends."""
        self.broadcast.close()
        assert all(end.wait(PATIENCE) for end in self._ends)


@pytest.fixture
def bench() -> Bench:
    """A bench."""
    return Bench()


def test_calls_come_one_at_a_time_with_all_events_in_order(bench):
    seen: list[int] = []
    bench.on(seen.extend)
    for number in range(500):
        bench.put(number)
    bench.done()
    assert seen == list(range(500))


def test_one_that_blocks_holds_up_no_other_and_is_a_daemon(bench):
    stuck, seen, others = threading.Event(), threading.Event(), []

    def block(_: list[int]) -> None:
        others.append(threading.current_thread())
        stuck.wait(PATIENCE)

    bench.on(block)
    bench.on(lambda _: seen.set())
    bench.put(1)
    assert seen.wait(PATIENCE)
    stuck.set()
    bench.done()
    assert others[0].daemon


@pytest.mark.parametrize("failure", [ZeroDivisionError("no"), SystemExit(3), KeyboardInterrupt()])
def test_one_that_fails_goes_on_says_why_once_and_is_counted(bench, caplog, failure):
    seen: list[int] = []

    def fail(numbers: list[int]) -> None:
        seen.extend(numbers)
        raise failure

    bench.on(fail)
    with caplog.at_level(logging.ERROR, logger="marketkit.realtime"):
        for number in range(3):
            bench.put(number)
            while len(seen) <= number:
                threading.Event().wait(0.001)
        bench.done()
    assert seen == [0, 1, 2]
    assert bench.failures.calls == 3
    assert list(bench.failures.newest) == [failure] * 3
    assert caplog.text.count("a callback failed") == caplog.text.count("Traceback") == 1


def test_one_that_is_too_slow_is_told_of_the_overflow_and_goes_on(bench, caplog):
    begun, go_on, seen = threading.Event(), threading.Event(), []

    def slow(numbers: list[int]) -> None:
        begun.set()
        go_on.wait(PATIENCE)
        seen.extend(numbers)

    bench.on(slow, limit=2)
    bench.put(0)
    assert begun.wait(PATIENCE)
    bench.put(1, 2, 3, 4)
    go_on.set()
    bench.done()
    assert seen == [0, 1, 2]
    assert bench.broadcast.lost == 2
    (overflow,) = bench.failures.newest
    assert isinstance(overflow, FeedOverflow)
    assert bench.failures.calls == 0
    assert "too slow: 2 events were lost" in caplog.text


def test_the_failure_of_the_stream_is_kept_and_ends_the_calls(bench):
    bench.on(lambda _: None)
    bench.broadcast.close(OSError("gone"))
    bench.done()
    assert [str(each) for each in bench.failures.newest] == ["gone"]


def test_a_coroutine_function_in_any_guise_is_refused(bench):
    class Guise:
        async def __call__(self, _: object) -> None:
            """Do nothing."""

    async def plain(_: object) -> None:
        """Do nothing."""

    for each in (plain, Guise()):
        with pytest.raises(InputError, match="async for"):
            Callback(each, bench.failures)
    bench.on(functools.partial(lambda call, frame: call(frame), plain))
    bench.put(1)
    bench.done()
    assert isinstance(bench.failures.newest[0], InputError)
