"""Doubts about our idea of the exchange's clock, which the exchange is asked to settle."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from marketkit.errors import BadResponse, MarketkitError, ServerFailed
from marketkit.net.engine import end_task
from marketkit.realtime.reader import AHEAD

_ANSWERS = 3  # to one doubt: a single one may be as wrong as what it is about
_AGAIN = 60.0  # seconds between two doubts, however many messages are of the future


class Doubt:
    """The question whether a message is of the future, or our idea of the clock is old.

    `clock` gives that idea in ms UTC, `settled` is called where it was at fault; `ask` has the
    exchange tell the time. Use it on the engine's loop.
    """

    def __init__(self, clock: Callable[[], int], settled: Callable[[], None]) -> None:
        self.ask: Callable[[], Awaitable[object]] | None = None
        self._clock = clock
        self._settled = settled
        self._task: asyncio.Task[None] | None = None

    def about(self, time: int) -> None:
        """Have the exchange asked about a message's time, at most once in a while."""
        if self.ask is not None and (self._task is None or self._task.done()):
            work = self._settle(time, self.ask)
            self._task = asyncio.get_running_loop().create_task(work)

    async def close(self) -> None:
        """Ask no more."""
        task, self._task = self._task, None
        await end_task(task)

    async def _settle(self, time: int, ask: Callable[[], Awaitable[object]]) -> None:
        with contextlib.suppress(MarketkitError):
            for _ in range(_ANSWERS):
                with contextlib.suppress(BadResponse, ServerFailed):  # the head tells the time
                    await ask()
                if time <= self._clock() + AHEAD:
                    self._settled()
                    return
        await asyncio.sleep(_AGAIN)
