"""A feed: the state of streams as a frame, and events for iterations and callbacks."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import polars as pl

from marketkit.errors import MarketkitError, NetworkError
from marketkit.net import fork
from marketkit.net.engine import engine
from marketkit.net.handle import Interruption
from marketkit.notebook import words
from marketkit.realtime.dispatcher import Dispatcher
from marketkit.realtime.handle import EventHandle
from marketkit.realtime.listener import FeedListener
from marketkit.realtime.look import moment
from marketkit.realtime.queue import Queue
from marketkit.realtime.subscriptions import Stream

_LOOK = 0.25  # seconds between two looks at who is still waited for

F = TypeVar("F")  # the type of its frames


@dataclass(frozen=True, slots=True)
class FeedStats:
    """Counts so far: events, events lost to slow consumers, interruptions, failed callbacks."""

    connected: bool
    events: int
    lost: int
    interruptions: int
    failed_calls: int


class Feed(EventHandle[F]):
    """Streams of one channel of some symbols, until `close` or until nobody holds this object.

    `frame` is the newest state. Iterating, with `for` or `async for`, gives frames of events as
    they come, each consumer all of them: tickers and order books as the newest of each symbol since
    the frame before, trades and candles one by one. A consumer that falls 100,000 events behind
    gets `FeedOverflow` in the place of those that were lost, and may go on. Callbacks (`on`) are
    called until `close`, also if nobody holds this object.

    Missed trades are fetched and come before those after them; `interruptions` tells how. Of
    tickers and books the newest state is all that counts; candles are mended by `live`. A market
    that ends leaves `symbols` and `frame`, and `interruptions` names it; others go on.
    """

    def __init__(
        self,
        client: Dispatcher,
        channel: str,
        symbols: Iterable[str],
        shape: Callable[[pl.DataFrame], F],
        listener: FeedListener | None = None,
        *,
        depth: int | None = None,
    ) -> None:
        self.channel = channel
        self._client = client
        self._store = store = client.channel(channel)
        self._listener = listener = listener or FeedListener()

        def framed(messages: Sequence[Any]) -> F:
            return shape(listener.lay(store, messages))

        work = FeedWork(client, listener, channel, symbols, depth)
        self._opening = work
        super().__init__(work, listener.broadcast, framed)

    @property
    def frame(self) -> F:
        """The newest state: a ticker or book a symbol, or the newest trades or candles."""
        fork.check()
        return self._framed(list(self._store.known(self.symbols)))

    @property
    def stats(self) -> FeedStats:
        """Counts of events, losses, interruptions and failed calls of callbacks."""
        told, interruptions = self._broadcast, len(self._listener.interruptions)
        connected = self._client.connected
        return FeedStats(connected, told.events, told.lost, interruptions, self.failed_calls)

    @property
    def unheard(self) -> NetworkError | None:
        """The reason why nothing has come so far, also after the end; None once something has."""
        return self._opening.unheard

    def wait(self, timeout: float = 10.0) -> bool:
        """Wait until every symbol has a state; say whether that was so within `timeout` seconds.

        Raises `NetworkError` where the stream has not opened by then, and why.
        """
        return engine().run(self._ready(timeout))

    async def ready(self, timeout: float = 10.0) -> bool:  # noqa: ASYNC109 - as `wait`
        """Await until every symbol has a state; the async twin of `wait`."""
        return await engine().arun(self._ready(timeout))

    def _title(self) -> str:
        return f"Feed {self.channel} of {self._whose()}"

    def _running(self) -> str:
        return "live" if self._client.connected else "connecting"

    def _details(self) -> str:
        return f", {self._broadcast.events:,} events"

    def _facts(self) -> dict[str, str]:
        told, alive = self._broadcast, self._client.alive
        facts = {"events": f"{told.events:,}"}
        if told.lost:
            facts["lost"] = f"{told.lost:,} events, to slow consumers"
        if alive and not self.closed:
            age = words.age(max(0, self._client.clock() - alive) / 1000)
            facts["complete"] = f"until {moment(alive, self.tz)}, {age} ago"
        return facts

    def _queue(self) -> Queue:
        return Queue(coalesces=self._store.coalesces)

    def _begin(self, queue: Queue) -> None:
        """Let a consumer begin with the states that are known; events before were not for him."""
        if self._store.coalesces:
            queue.begin_with(self._store.known(self.symbols))

    async def _ready(self, patience: float) -> bool:
        queue = self._broadcast.open(Queue(coalesces=True))
        try:
            async with asyncio.timeout(patience):
                while {each.symbol for each in self._store.known(self.symbols)} < set(self.symbols):
                    # No event tells that a symbol without a state has left.
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(_LOOK):
                            if await queue.take() is None:
                                return False
        except TimeoutError:
            if (why := self._client.opening) is not None:
                raise why from None
            return False
        finally:
            self._broadcast.leave(queue)
        return True


class FeedWork:
    """The streams of a feed and their listener, which do not know the feed.

    `depth` levels of a book suffice.
    """

    def __init__(
        self,
        client: Dispatcher,
        listener: FeedListener,
        channel: str,
        symbols: Iterable[str],
        depth: int | None = None,
    ) -> None:
        self.symbols = tuple(sorted(symbols))
        self._client = client
        self._listener = listener
        self._channel = channel
        self._depth = depth
        self._closed = False
        self._unheard: NetworkError | None = None  # from the end on
        self._coalesces = client.channel(channel).coalesces
        client.subscribe(listener, self._streams(self.symbols), depth)

    def _streams(self, symbols: Iterable[str]) -> list[Stream]:
        return [Stream(self._channel, each) for each in symbols]

    def join(self, symbols: Sequence[str]) -> None:
        """Take more markets in."""
        if not self._closed:
            self.symbols = tuple(sorted({*self.symbols, *symbols}))
            self._listener.join(symbols)
            self._client.subscribe(self._listener, self._streams(symbols), self._depth)

    def leave(self, symbol: str, why: str) -> None:
        """Let a market go that has ended."""
        if symbol in self.symbols and not self._closed:
            self.symbols = tuple(each for each in self.symbols if each != symbol)
            self._client.release(self._listener, self._streams([symbol]), self._depth)
            self._listener.leave(symbol, self._client.clock(), why)

    async def end(self, failure: MarketkitError) -> None:
        """End because no market is left."""
        await self._listener.finish(failure)

    @property
    def failure(self) -> Exception | None:
        """The exception that ended the streams, or the reason for no beginning."""
        return self._listener.failure or (None if self._closed else self._client.unopened)

    @property
    def unheard(self) -> NetworkError | None:
        """The reason why nothing has come so far, also after the end."""
        return self._unheard if self._closed else self._client.opening

    @property
    def interruptions(self) -> Iterator[Interruption]:
        """The interruptions so far, with the moment at which messages came again."""
        known = [*self._client.interruptions, *self._client.harms]
        ends = {(each.start, each.reason): each.end for each in known}
        for each in self._listener.interruptions:
            found = replace(each, end=ends.get((each.start, each.reason), each.end))
            if self._coalesces and found.end is not None:
                found = replace(found, how="stream")  # its snapshots told the newest states
            again = found.end if found.how == "stream" else None
            yield replace(found, closed=found.closed or again)

    async def close(self) -> None:
        """Let go of the streams; consumers get the waiting events and then the end."""
        self._unheard = self.unheard
        self._listener.failure, self._closed = self.failure, True
        self._client.release(self._listener, self._streams(self.symbols), self._depth)
        await self._listener.finish(None)
        await self._client.settled()
