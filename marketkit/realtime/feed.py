"""A feed: the state of streams as a frame, and their events for those who iterate or listen."""

from __future__ import annotations

import asyncio
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, Self, TypeVar

import polars as pl

from marketkit.net.engine import engine
from marketkit.notebook import frame as display
from marketkit.realtime.consumers import Consumer, Queue, call_back, pauses, soon
from marketkit.realtime.dispatcher import Dispatcher, Interruption
from marketkit.realtime.subscriptions import Stream
from marketkit.realtime.trade_recovery import FeedListener

F = TypeVar("F")  # the type of its frames
_ERRORS_KEPT = 100


@dataclass(frozen=True, slots=True)
class FeedStats:
    """How a feed fares: its events, those lost to slow consumers, and interruptions so far."""

    connected: bool
    events: int
    lost: int
    interruptions: int


class Feed(Generic[F]):
    """Streams of one channel of some symbols, for as long as this object lives or until `close`.

    `frame` is the newest state. Iterating, with `for` or `async for`, gives frames of events as
    they come, each consumer all of them: tickers and order books as the newest of each symbol since
    the frame before, trades and candles one by one. A consumer that falls 100,000 events behind
    gets `FeedOverflow` in the place of those that were lost, and may go on.
    """

    def __init__(
        self,
        session: Dispatcher,
        channel: str,
        symbols: Iterable[str],
        shape: Callable[[pl.DataFrame], F],
        tap: FeedListener | None = None,
    ) -> None:
        self.channel = channel
        self.symbols = tuple(sorted(symbols))
        self.errors: deque[Exception] = deque(maxlen=_ERRORS_KEPT)
        self._session = session
        self._store = store = session.channel(channel)
        self._tap = tap or FeedListener()

        def framed(messages: Sequence[Any]) -> F:
            return shape(store.frame(messages))

        self._framed = framed
        streams = [Stream(channel, symbol) for symbol in self.symbols]
        session.subscribe(self._tap, streams)
        self._end = weakref.finalize(self, soon, _end, session, self._tap, streams)
        self._end.atexit = False

    @property
    def frame(self) -> F:
        """The newest state: a ticker or book a symbol, or its newest trades or candles."""
        return self._framed(self._store.known(self.symbols))

    @property
    def stats(self) -> FeedStats:
        """How the feed fares."""
        fan = self._tap.fan
        return FeedStats(self._session.connected, fan.events, fan.lost, len(self._tap.holes))

    @property
    def interruptions(self) -> list[Interruption]:
        """The times since the feed began in which the stream may have missed events.

        Missed trades are fetched and come before those after them; `how` and `failure` tell. Of
        tickers and books the newest state is all that counts; candles are mended by `live`.
        """
        ends = {hole.start: hole.end for hole in list(self._session.holes)}
        return [replace(each, end=ends.get(each.start, each.end)) for each in self._tap.holes]

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return not self._end.alive

    def wait(self, timeout: float = 10.0) -> bool:
        """Wait until every symbol has a state; say whether that was so within `timeout` seconds."""
        return engine().run(self._ready(timeout))

    async def ready(self, timeout: float = 10.0) -> bool:  # noqa: ASYNC109 - as `wait`
        """Await until every symbol has a state; the async twin of `wait`."""
        return await engine().arun(self._ready(timeout))

    def on(self, callback: Callable[[F], object]) -> Self:
        """Have `callback` called with frames of events, one call at a time, beside this thread.

        What it raises is logged and kept in `errors`; the feed goes on. Events that come during a
        call wait for the next one. Raises `InputError` for a coroutine function.
        """
        queue = Queue(coalesces=self._store.coalesces)
        call_back(callback, self._tap.fan, queue, self._framed, self.errors)
        self._begin(queue)
        return self

    def show(self, seconds: float | None = None) -> None:
        """Show `frame` and keep it up to date: under the cell of a notebook, elsewhere as text.

        Returns after `seconds`, when the feed ends, or at the kernel's interrupt (Ctrl-C).
        """
        with pauses(self._tap.fan) as pause:
            display.show(self, pause, seconds)

    def close(self) -> None:
        """Let go of the streams; consumers get what waits for them and then the end."""
        self._end()

    def end(self) -> None:
        """Close at once, for callers on the engine's loop."""
        if (ending := self._end.detach()) is not None:
            _, _, (work, *arguments), _ = ending
            work(*arguments)

    def __iter__(self) -> Consumer:
        queue = Queue(coalesces=self._store.coalesces)
        reader = Consumer(self, self._tap.fan, queue, self._framed)
        self._begin(queue)
        return reader

    def __aiter__(self) -> Consumer:
        return iter(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        what = self.symbols[0] if len(self.symbols) == 1 else f"{len(self.symbols)} symbols"
        state = "closed" if self.closed else "live" if self._session.connected else "connecting"
        return f"<Feed {self.channel} of {what}: {state}, {self._tap.fan.events:,} events>"

    def _begin(self, queue: Queue) -> None:
        """Let a consumer begin with the states that are known; events before were not for him."""
        if self._store.coalesces:
            queue.begin_with(self._store.known(self.symbols))

    async def _ready(self, patience: float) -> bool:
        queue = self._tap.fan.open(Queue(coalesces=True))
        try:
            async with asyncio.timeout(patience):
                while {each.symbol for each in self._store.known(self.symbols)} < set(self.symbols):
                    if await queue.take() is None:
                        return False
        except TimeoutError:
            return False
        finally:
            self._tap.fan.leave(queue)
        return True


def _end(session: Dispatcher, tap: FeedListener, streams: Sequence[Stream]) -> None:
    session.release(tap, streams)
    tap.end()
