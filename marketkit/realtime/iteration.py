"""Iterating over what a live source says, from any thread or event loop."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import weakref
from collections import deque
from collections.abc import Callable
from typing import Any, Self

from marketkit.errors import EngineClosed, FeedOverflow, InputError
from marketkit.frames import Frame
from marketkit.net.engine import engine
from marketkit.realtime.consumers import Fan, Queue

Framed = Callable[[list[Any]], Frame]

_log = logging.getLogger("marketkit.realtime")


class Reader:
    """One consumer: an iterator of frames, for `for` and for `async for`.

    It keeps `source` alive, whose events it reads from now on.
    """

    def __init__(self, source: object, fan: Fan, queue: Queue, framed: Framed) -> None:
        self._source = source
        self._queue = fan.open(queue)
        self._framed = framed
        weakref.finalize(self, soon, fan.leave, queue).atexit = False

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Frame:
        if (events := engine().run(self._queue.take())) is None:
            raise StopIteration
        return self._framed(events)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Frame:
        if (events := await engine().arun(self._queue.take())) is None:
            raise StopAsyncIteration
        return self._framed(events)


def call_back(
    callback: Callable[[Frame], object],
    fan: Fan,
    queue: Queue,
    framed: Framed,
    errors: deque[Exception],
) -> None:
    """Have `callback` called with frames of events, one at a time, in a thread.

    What it raises is logged and put into `errors`. Raises `InputError` for a coroutine function.
    """
    if inspect.iscoroutinefunction(callback):
        raise InputError("a callback is no coroutine function: use `async for` instead")

    fan.open(queue)

    async def serve() -> None:
        while True:
            try:
                if (events := await queue.take()) is None:
                    return
                await asyncio.to_thread(lambda: callback(framed(events)))
            except FeedOverflow as overflow:
                _log.warning("a callback is too slow: %s", overflow)
                errors.append(overflow)
            except Exception as error:  # noqa: BLE001 - whatever a caller's code raises
                _log.exception("a callback failed; its feed goes on")
                errors.append(error)

    engine().submit(serve())


def soon(work: Callable[..., None], *arguments: object) -> None:
    """Have `work` done on the engine's loop, if that is still there; callable from a finalizer."""

    async def call() -> None:
        work(*arguments)

    with contextlib.suppress(EngineClosed, RuntimeError):
        engine().submit(call())
