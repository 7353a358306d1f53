"""Handles of streams: registered work keeps a handle alive until the end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from marketkit.errors import EngineClosed, MarketkitError
from marketkit.net import fork
from marketkit.net.engine import engine
from marketkit.net.handle import Handle, Interruption
from marketkit.notebook import frame as display
from marketkit.notebook.arguments import explained
from marketkit.notebook.card import Card, Shown
from marketkit.realtime.callbacks import Callback, Failures
from marketkit.realtime.consumers import Broadcast, Consumer, pauses
from marketkit.realtime.look import interruptions, some
from marketkit.realtime.queue import Queue
from marketkit.realtime.work import Work

if TYPE_CHECKING:
    from marketkit.notebook.charts.style import Colors, Theme

F = TypeVar("F")  # the type of frames

_log = logging.getLogger("marketkit.realtime")


@explained
class StreamHandle(Shown, Handle):
    """A handle of streams of some symbols; without an owner the work behind is released.

    `tz` is the zone of the times that it shows.
    """

    def __init__(self, work: Work) -> None:
        self.tz = "UTC"
        self._work = work
        self._ending = _Ending(work)
        weakref.finalize(self, self._ending.soon).atexit = False

    @property
    def symbols(self) -> tuple[str, ...]:
        """The markets of the handle now, sorted."""
        return self._work.symbols

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._ending.begun

    @property
    def failure(self) -> Exception | None:
        """The exception that ended the work; None while running and after an end as wished.

        While no connection has opened yet it is the reason, and None again once one has.
        """
        return self._work.failure

    def __repr__(self) -> str:
        return f"<{self._title()}: {self._state()}{self._details()}>"

    def _card(self) -> Card:
        shown = interruptions(list(self._work.interruptions), self.tz)
        facts = {"state": self._state(), "symbols": some(self.symbols), **self._facts()}
        return Card(self._title(), {**facts, "interrupted": shown})

    def _facts(self) -> dict[str, str]:
        """Give more words for the card."""
        return {}

    def _title(self) -> str:
        """Name the kind of handle, the channel and the symbols."""
        raise NotImplementedError

    def _running(self) -> str:
        """Name the state of one that is neither closed nor failed."""
        raise NotImplementedError

    def _details(self) -> str:
        """Give other details of `repr`, each after a comma."""
        return ""

    def _whose(self) -> str:
        return self.symbols[0] if len(self.symbols) == 1 else f"{len(self.symbols)} symbols"

    def _state(self) -> str:
        if (failure := self.failure) is not None:
            return f"failed: {str(failure) or repr(failure)}"
        return "closed" if self.closed else self._running()

    def _interruptions(self) -> Iterable[Interruption]:
        return self._work.interruptions

    def join(self, symbols: Sequence[str]) -> None:
        """Take more markets in, for callers on the engine's loop."""
        self._work.join(symbols)

    def leave(self, symbol: str, why: str) -> None:
        """Let a market go that has ended, for callers on the engine's loop."""
        self._work.leave(symbol, why)

    async def give_up(self, failure: MarketkitError) -> None:
        """End with a failure because no market is left, for callers on the engine's loop."""
        await self._work.end(failure)

    async def end(self) -> None:
        """Release everything, for callers on the engine's loop; also where that has been done."""
        try:
            await self._ending.end()
        finally:
            REGISTRY.drop(self)


@explained
class EventHandle(StreamHandle, Generic[F]):
    """A handle with a frame and events, for iterations, callbacks and the screen."""

    def __init__(self, work: Work, broadcast: Broadcast, framed: Callable[[list[Any]], F]) -> None:
        super().__init__(work)
        self._failures = Failures()
        self._broadcast = broadcast
        self._framed = framed
        self._own: tuple[Consumer[F], Queue] | None = None
        self._lock = threading.Lock()

    @property
    def frame(self) -> F:
        """The newest state."""
        raise NotImplementedError

    @property
    def errors(self) -> deque[BaseException]:
        """Exceptions of callbacks, and overflows before callbacks, the newest hundred."""
        return self._failures.newest

    @property
    def failed_calls(self) -> int:
        """How many calls of callbacks raised something."""
        return self._failures.calls

    def on(self, callback: Callable[[F], object]) -> Self:
        """Have `callback` called with frames of events, one call at a time, in a thread apart.

        It may take as long as it likes and ask anything of marketkit; events that come during a
        call wait for the next one, as they do for an iteration. What it raises is kept in `errors`
        and counted in `failed_calls`, the first with a traceback in the log; the calls go on. They
        come until `close`, also if nobody holds this object. Raises `InputError` for a coroutine
        function.
        """
        fork.check()
        served = Callback(callback, self._failures)
        consumer = self._consumer(None, self._queue())
        me = weakref.ref(self)
        REGISTRY.keep(self)
        served.serve(consumer, lambda: REGISTRY.drop(me()))
        return self

    def next(self, timeout: float | None = None) -> F:
        """Wait for the next frame of events, at most `timeout` seconds (then `TimedOut`).

        `next(feed)` and `await anext(feed)` are the same without a timeout; all three read on where
        the one before ended, and a `for` begun later goes on from there. Raises `StopIteration` at
        the end and `FeedOverflow` in the place of lost events.
        """
        return self._reader().read(timeout, self)

    def show(self, seconds: float | None = None) -> None:
        """Show `frame` and keep the screen up to date: under a notebook's cell, elsewhere as text.

        Returns after `seconds`, when it ends, or at the kernel's interrupt (Ctrl-C).
        """
        with pauses(self._broadcast) as pause:
            display.show(self, pause, seconds)

    def plot(
        self, seconds: float | None = None, *, colors: Colors = "korean", theme: Theme = "auto"
    ) -> None:
        """Draw the chart that fits `frame`, and keep it up to date under a notebook's cell.

        Candles, books, trades or changes of tickers, as `marketkit.plot` draws them. Elsewhere this
        is `show`, and it ends as that does. Raises `MissingExtra` where plotly is not installed.
        """
        with pauses(self._broadcast) as pause:
            display.plot(self, pause, seconds, colors=colors, theme=theme)

    def __iter__(self) -> Consumer[F]:
        if self._own is None:
            return self._consumer(self, self._queue())
        return Consumer(self, self._broadcast, self._queue(), self._framed, like=self._own[1])

    def __aiter__(self) -> Consumer[F]:
        return iter(self)

    def __next__(self) -> F:
        return self._reader().read(None, self)

    async def __anext__(self) -> F:
        return await anext(self._reader())

    def __repr__(self) -> str:
        failed = f", {self.failed_calls:,} failed calls" if self.failed_calls else ""
        return f"{super().__repr__()[:-1]}{failed}>"

    def _reader(self) -> Consumer[F]:
        """Give the consumer behind `next`, opened by the first call; it must not keep the owner."""
        with self._lock:
            if self._own is None:
                queue = self._queue()
                self._own = self._consumer(None, queue), queue
            return self._own[0]

    def _consumer(self, source: object, queue: Queue) -> Consumer[F]:
        consumer = Consumer(source, self._broadcast, queue, self._framed)
        self._begin(queue)
        return consumer

    def _queue(self) -> Queue:
        """Make the queue of one consumer."""
        return Queue()

    def _begin(self, queue: Queue) -> None:
        """Let a consumer begin with the known state."""


class _Ending:
    """The end of some work: begun once, and awaited by every caller."""

    def __init__(self, work: Work) -> None:
        self.begun = False
        self._work = work
        self._process = os.getpid()
        self._task: asyncio.Task[None] | None = None

    async def end(self) -> None:
        """Release the work; later callers wait for the same end. The first is told of a failure."""
        self.begun = True
        if self._process != os.getpid():
            return  # a child made by fork has no streams and no files of its parent
        if self._task is not None:
            await asyncio.wait((self._task,))
            return
        self._task = asyncio.get_running_loop().create_task(self._work.close())
        await asyncio.shield(self._task)

    def soon(self) -> None:
        """Release the work in a moment; callable from a finalizer."""
        if not self.begun and self._process == os.getpid():
            with contextlib.suppress(EngineClosed, RuntimeError):
                engine().submit(self._end_unheard())

    async def _end_unheard(self) -> None:
        try:
            await self.end()
        except Exception:  # noqa: BLE001 - nobody holds the handle that would tell
            _log.exception("what nobody held any more could not be released as it should")


class _Registry:
    """Handles of registered work: alive until closed, with or without an owner."""

    def __init__(self) -> None:
        self._process = 0
        self._handles: set[StreamHandle] = set()

    def keep(self, handle: StreamHandle) -> None:
        """Hold a handle."""
        if self._process != os.getpid():  # also in a child made by fork: its parent has its own
            self._process, self._handles = os.getpid(), set()
            engine().on_close(self.close)
        self._handles.add(handle)

    def drop(self, handle: StreamHandle | None) -> None:
        """Hold a handle no longer."""
        if handle is not None:
            self._handles.discard(handle)

    async def close(self) -> None:
        """Close every handle, on the engine's loop, as the program ends."""
        ends = [each.end() for each in self]
        for failure in await asyncio.gather(*ends, return_exceptions=True):
            if isinstance(failure, BaseException):
                _log.warning("not all could be released: %s", failure)

    def __iter__(self) -> Iterator[StreamHandle]:
        return iter(list(self._handles))


REGISTRY = _Registry()
