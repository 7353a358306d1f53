"""Handles of streams: one end for all who wish it, and who keeps a handle alive."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import pickle
import threading
import weakref
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from marketkit.errors import InputError, NotPicklable, TimedOut
from marketkit.net.engine import engine
from marketkit.net.handle import Interruption
from marketkit.realtime.consumers import Broadcast
from marketkit.realtime.handle import REGISTRY, EventHandle, _Registry
from tests.unit.realtime.conftest import until
from tests.waiting import PATIENCE


class Work:
    """Work whose end takes as long as a test wishes, and fails if it says so."""

    def __init__(self) -> None:
        self.broadcast = Broadcast()
        self.failure: Exception | None = None
        self.interruptions = [Interruption(1, 2, "reset")]
        self.ends = 0
        self.done = False
        self.fails: Exception | None = None
        self.may_end = threading.Event()
        self.may_end.set()

    async def close(self) -> None:
        """End it."""
        self.ends += 1
        await asyncio.to_thread(self.may_end.wait)
        self.broadcast.close()
        self.done = True
        if self.fails is not None:
            self.failure = self.fails
            raise self.fails


class Numbers(EventHandle):
    """A handle of numbers."""

    symbols = ("X", "Y")

    def __init__(self, work: Work) -> None:
        super().__init__(work, work.broadcast, lambda events: pl.DataFrame({"number": events}))

    def _title(self) -> str:
        return f"Numbers of {self._whose()}"

    def _running(self) -> str:
        return "counting"


@pytest.fixture
def work() -> Work:
    """Some work."""
    return Work()


def there(act: Callable[..., Any], *arguments: Any) -> None:
    """Do something on the engine's loop."""

    async def call() -> None:
        act(*arguments)

    engine().run(call())


def wait(condition: Callable[[], object]) -> None:
    """Wait until something holds."""
    engine().run(until(condition))


def test_whoever_closes_later_waits_for_the_same_end(work):
    handle = Numbers(work)
    work.may_end.clear()
    closers = [threading.Thread(target=handle.close) for _ in range(3)]
    for closer in closers:
        closer.start()
    wait(lambda: work.ends)
    assert handle.closed
    assert all(closer.is_alive() for closer in closers)
    work.may_end.set()
    for closer in closers:
        closer.join(PATIENCE)
    assert work.done
    assert work.ends == 1


def test_whoever_closes_first_is_told_what_failed_and_it_stays_known(work):
    handle = Numbers(work)
    work.fails = OSError("the disk is full")
    with pytest.raises(OSError, match="full"):
        handle.close()
    handle.close()
    assert handle.failure is work.fails
    assert repr(handle) == "<Numbers of 2 symbols: failed: the disk is full>"


def test_it_says_how_it_stands(work):
    handle = Numbers(work)
    assert repr(handle) == "<Numbers of 2 symbols: counting>"
    handle.close()
    assert repr(handle) == "<Numbers of 2 symbols: closed>"
    assert handle.interruptions["reason"].to_list() == ["reset"]


def test_it_shows_its_symbols_and_what_was_interrupted(work):
    handle = Numbers(work)
    shown = handle._card().text()
    assert shown.splitlines()[:2] == ["Numbers of 2 symbols", "  state        counting"]
    assert "reset" in shown.splitlines()[-1]
    assert "<table" in handle._repr_html_()
    handle.close()


def test_a_caller_that_gives_up_waiting_does_not_stop_the_end(work):
    handle = Numbers(work)
    work.may_end.clear()

    async def impatient() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await handle.aclose()

    asyncio.run(impatient())
    work.may_end.set()
    handle.close()
    assert work.done
    assert work.ends == 1


def test_without_registered_work_it_goes_with_its_object(work):
    handle = Numbers(work)
    del handle
    gc.collect()
    wait(lambda: work.done)


def test_a_failure_that_nobody_holds_a_handle_for_is_logged(work, caplog):
    work.fails = OSError("the disk is full")
    handle = Numbers(work)
    with caplog.at_level(logging.ERROR, logger="marketkit.realtime"):
        del handle
        gc.collect()
        wait(lambda: work.done)
        wait(lambda: "the disk is full" in caplog.text)


def test_a_callback_keeps_it_until_it_is_closed(work):
    got: list[pl.DataFrame] = []
    known = weakref.ref(Numbers(work).on(got.append))
    gc.collect()
    there(work.broadcast.put, 7)
    wait(lambda: got)
    assert got[0]["number"].to_list() == [7]
    handle = known()
    assert handle in list(REGISTRY)
    handle.close()
    del handle
    wait(lambda: gc.collect() or known() is None)


def test_a_callback_keeps_it_no_longer_than_its_events_come(work):
    known = weakref.ref(Numbers(work).on(lambda _: None))
    there(work.broadcast.close)
    wait(lambda: gc.collect() or known() is None)
    wait(lambda: work.done)


def test_a_coroutine_function_is_refused_and_registers_nothing(work):
    async def callback(_: Any) -> None:
        """Do nothing."""

    handle = Numbers(work)
    with pytest.raises(InputError, match="async for"):
        handle.on(callback)
    assert handle not in list(REGISTRY)
    assert not work.broadcast.consumers


def test_a_callback_of_a_closed_handle_is_not_kept(work):
    handle = Numbers(work)
    handle.close()
    handle.on(lambda _: None)
    wait(lambda: handle not in list(REGISTRY))


def test_a_child_made_by_fork_neither_holds_nor_ends_its_parents_work(work, monkeypatch):
    handle = Numbers(work)
    registry = _Registry()
    registry.keep(handle)
    parent = os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: parent + 1)
    other = Numbers(Work())
    registry.keep(other)
    assert list(registry) == [other]
    handle.close()
    assert not work.done
    other.close()


def test_the_end_of_the_program_closes_all_even_where_one_fails(work, caplog):
    registry, failing = _Registry(), Work()
    failing.fails = OSError("the disk is full")
    for each in (failing, work):
        registry.keep(Numbers(each))
    with caplog.at_level(logging.WARNING, logger="marketkit.realtime"):
        engine().run(registry.close())
    assert work.done
    assert failing.done
    assert "the disk is full" in caplog.text


def test_next_reads_on_where_it_ended_and_a_loop_goes_on_from_there(work):
    handle = Numbers(work)
    with pytest.raises(TimedOut, match="from <Numbers of 2 symbols: counting>"):
        handle.next(timeout=0)

    async def ahead() -> pl.DataFrame:
        return await anext(handle)

    got = []
    for number, read in enumerate(
        (handle.next, lambda: next(handle), lambda: asyncio.run(ahead()))
    ):
        there(work.broadcast.put, number)
        got.append(read()["number"].to_list())
    there(work.broadcast.put, 3)
    loop = iter(handle)
    there(work.broadcast.close)
    assert [got, *[each["number"].to_list() for each in loop]] == [[[0], [1], [2]], [3]]
    assert handle.next()["number"].to_list() == [3]
    with pytest.raises(StopIteration):
        handle.next()


def test_one_that_was_read_by_next_goes_with_its_object(work):
    handle = Numbers(work)
    there(work.broadcast.put, 1)
    with pytest.raises(TimedOut):
        handle.next(timeout=0)
    known = weakref.ref(handle)
    del handle
    assert known() is None
    wait(lambda: work.done)


def test_calls_that_failed_are_counted_where_it_says_how_it_stands(work):
    handle = Numbers(work).on(lambda _: 1 / 0)
    there(work.broadcast.put, 1)
    wait(lambda: handle.failed_calls)
    assert isinstance(handle.errors[0], ZeroDivisionError)
    assert repr(handle) == "<Numbers of 2 symbols: counting, 1 failed calls>"
    handle.close()


def test_it_stays_where_it_is(work):
    with pytest.raises(NotPicklable, match="a Numbers cannot be pickled"):
        pickle.dumps(Numbers(work))
