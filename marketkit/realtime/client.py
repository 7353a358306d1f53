"""One websocket that reconnects, for all streams of the process."""

from __future__ import annotations

import asyncio
import functools
import logging
import math
import os
import random
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from marketkit.errors import MarketkitError, NetworkError, plain
from marketkit.exchange.upbit.stream import PATH
from marketkit.net.budget.budget import Budget
from marketkit.net.engine import end_task, engine
from marketkit.net.transport import Transport
from marketkit.realtime.connection import Connection, Timing, refusal, shake_hands
from marketkit.realtime.dispatcher import Dispatcher
from marketkit.realtime.doubt import Doubt
from marketkit.realtime.health import Opening, RealtimeStats, StreamState
from marketkit.realtime.reader import FrameReader
from marketkit.realtime.subscriptions import Stream
from marketkit.settings import largest_answer

if TYPE_CHECKING:
    from marketkit.realtime.socket import Socket

_SHOWN = 400  # letters of a reason, which may have the exchange's own words
SWIFT = 5.0  # seconds that a stream takes to open where nothing is wrong

_log = logging.getLogger("marketkit.realtime")


class RealtimeClient(Dispatcher):
    """A websocket to `url`, open while a stream is wanted. Use on one event loop.

    `clock` gives the exchange's time in ms UTC; `connects` is the machine's budget of handshakes,
    `largest` how many bytes a frame may have, unpacked (default: `settings.largest_answer`);
    `address` is one of this machine that connections leave from.
    What all consumers want together is sent whole in one message, for a message replaces the one
    before it on the exchange; one connection is enough, as no limit on its streams is known.
    """

    def __init__(
        self,
        url: str,
        *,
        clock: Callable[[], int],
        connects: Budget,
        timing: Timing | None = None,
        draw: Callable[[], float] = random.random,
        largest: int | None = None,
        address: str | None = None,
    ) -> None:
        super().__init__(url, clock, timing or Timing())
        self.largest = largest_answer() if largest is None else largest
        self._address = address
        self._connects = connects
        self._draw = draw
        self.doubt = Doubt(self._by_clock, self._say_again)
        self.reader = FrameReader(
            url,
            silence=self.timing.silence,
            tell=self._tell,
            harm=self._blame,
            speaks=self._speaks,
            clock=self._by_clock,
            doubts=self.doubt.about,
        )
        self._task: asyncio.Task[None] | None = None
        self._connection: Connection | None = None
        self._began = 0  # when streams were first wanted, ms UTC of the exchange's clock
        self._pending: Opening | None = None  # until something has come
        self._closed: Opening | None = None  # between two connections
        self._hurried = -math.inf  # when the last attempt without a pause was made

    @property
    def stats(self) -> RealtimeStats:
        """Counts so far."""
        return self.reader.stats

    @property
    def alive(self) -> int:
        """Up to when nothing of an uninterrupted stream can be missing: ms UTC, exchange's clock.

        It lags by up to two looks, or the newest message; without a connection it stands still.
        """
        live = self._connection.alive if self._connection is not None and self._whole else 0
        return max(self._alive, self.reader.bounded(live, self.timing.ping))

    def hot(self, name: str, symbols: Iterable[str], rows: int) -> set[str]:
        """Give the symbols of which a channel knows the newest `rows` rows, as of `heard`."""
        channel = self._channels.get(name)
        if channel is None or not self._whole:
            return set()
        now = self.clock()
        return {symbol for symbol in symbols if channel.whole(symbol, now) >= rows}

    def _wants(self, *, more: bool) -> None:
        if more and self._connection is not None:
            self._connection.change()
        if self._task is None or self._task.done():
            self._pending = Opening(self.name, time.monotonic)
            self._began = self.clock()
            self._task = asyncio.get_running_loop().create_task(self._keep())

    async def end_unused(self) -> None:
        """End the streams without a consumer now, and the connection if none is left."""
        self._forget(self._subscriptions.drop_unused())
        if not self._subscriptions:
            await self.close()
        elif self._connection is not None:
            self._connection.change()

    async def close(self) -> None:
        """Close the connection; a later `subscribe` opens another."""
        task, self._task = self._task, None
        await end_task(task)
        await self.doubt.close()
        self._begin_anew()

    def _begin_anew(self) -> None:
        """Know of no message: nobody listens until the next `subscribe`."""
        self._whole, self._alive = False, 0
        self._pending = self._closed = None

    async def _keep(self) -> None:
        """Connect again and again while anything is wanted."""
        failures = 0
        while self._wanted():
            reason = await self._live()
            if not self._wanted():
                self._begin_anew()
                return
            self._broke(reason)
            failures = 0 if self._may_hurry() else failures + 1
            await asyncio.sleep(self._wait(failures))

    def _broke(self, reason: str) -> None:
        """Tell listeners of the end of a connection, or that none has opened yet."""
        if self._pending is None:
            self._closed = self._closed or Opening(self.name, time.monotonic)
            self._closed.reason = reason
            self._interrupted(reason)
            return
        if self._pending.reason is None:
            self._begin_interruption(self._began, reason)
            _log.warning("%s does not open, and is tried again: %s", self.name, reason)
        self._pending.reason = reason
        if self._pending.seconds >= self.timing.patience:
            for listener in self._everybody():
                listener.unopened(self._pending.error())

    @property
    def unopened(self) -> NetworkError | None:
        """The reason why nothing has come yet: None from the first message on."""
        if self._pending is None or self._pending.reason is None:
            return None
        return self._pending.error()

    @property
    def opening(self) -> NetworkError | None:
        """The same, also while the first handshake is under way."""
        return None if self._pending is None else self._pending.error()

    def state(self) -> StreamState:
        """Give the state of the connection."""
        quiet = self._pending or self._closed
        stats, streams = self.stats, len(self._subscriptions)
        return StreamState(
            connected=self.connected,
            streams=streams,
            frames=stats.frames,
            connects=stats.connects,
            refused=stats.refused,
            wrong=stats.wrong,
            unknown=dict(stats.unknown),
            trouble=None if quiet is None or not streams else quiet.reason,
            quiet=0.0 if quiet is None or not streams else quiet.seconds,
            ahead=stats.ahead,
        )

    def _speaks(self) -> None:
        """Note that a connection has brought something that can be read."""
        late, self._pending, self._closed = self._pending, None, None
        if late is not None and late.reason is None and late.seconds > SWIFT:
            self._begin_interruption(self._began, f"nothing came for the first {late.seconds:.0f}s")

    def _say_again(self) -> None:
        """Have the states told again that were refused while our idea of the clock was old."""
        if self._connection is not None:
            self._connection.change(again=True)

    def _may_hurry(self) -> bool:
        """Say whether to connect again without a pause: a connection that worked has ended.

        One that breaks again and again soon after data came earns that once in `Timing.lived`.
        """
        now = asyncio.get_running_loop().time()
        if not self.reader.came or now - self._hurried < self.timing.lived:
            return False
        self._hurried = now
        return True

    def _wait(self, failures: int) -> float:
        """Give the pause before the next attempt: longer each time, and never the same twice."""
        doubled = self.timing.backoff * 2.0 ** min(failures - 1, 20) if failures else 0.0
        return min(self.timing.longest, doubled) * (0.5 + self._draw() / 2)

    async def _live(self) -> str:
        """Open a connection, read until the end, and say why the end came."""
        from websockets.exceptions import WebSocketException  # noqa: PLC0415 - slow to import

        self.reader.begin()
        try:
            await self._converse()
        except (OSError, MarketkitError, WebSocketException) as error:
            return plain(str(error), _SHOWN) or type(error).__name__
        except Exception as error:  # noqa: BLE001 - our mistake must not end everybody's streams
            _log.exception("the client of %s stumbled", self.name)
            return repr(error)
        return "nothing was wanted"

    async def _converse(self) -> None:
        socket = await self._open()
        connection = Connection(
            socket, self.timing, wanted=self._wanted, take=self.reader.read, clock=self.clock
        )
        self._connection = connection
        try:
            await connection.run()
        finally:
            self._alive = self.alive
            self._connection = None

    async def _open(self) -> Socket:
        """Connect when this machine's turn has come."""
        from websockets.exceptions import InvalidStatus  # noqa: PLC0415 - slow to import

        while not (slot := await self._connects.acquire()).fresh():
            slot.unsent()
        self.stats.connects += 1
        try:
            socket = await shake_hands(self.name, self.timing, self.largest, self._address)
            slot.done(101)
        except InvalidStatus as error:
            self.stats.refused += 1
            reason, wait = refusal(self.name, error)
            slot.done(error.response.status_code, retry_after=wait)
            raise reason from error
        finally:
            slot.lost()  # unless the answer came, which already ended the slot
        return socket

    def _wanted(self) -> dict[str, set[str]]:
        """Give the codes of each channel that are wanted still."""
        self._forget(self._subscriptions.expire(self.clock()))
        return self._subscriptions.codes()

    def _blame(self, channel: str | None, symbol: str | None, reason: str) -> bool:
        """Begin an interruption of the streams that are named, and say whether any is wanted."""
        kinds = [each for each in self._channels if channel in {None, each, _kind(each)}]
        named = [Stream(each, symbol or "") for each in kinds]
        wanted = [each for each in named if each in self._subscriptions]
        self._harm(wanted, reason)
        return bool(wanted)


def _kind(channel: str) -> str:
    """Give the type of messages of a channel; books of every level are of one."""
    return "orderbook" if channel.startswith("orderbook.") else channel


_CLIENTS: dict[tuple[str, str | None, int], RealtimeClient] = {}


def client_of(transport: Transport) -> RealtimeClient:
    """Give the client of this process with the exchange of `transport`, on the engine's loop.

    Its clock is that of the transport that asked last, for that one is in use. Raises `Offline`.
    """
    # A child made by fork has no socket of its own.
    key = (transport.endpoint, transport.address, os.getpid())
    connects = transport.connects()
    if key not in _CLIENTS:
        url = "ws" + transport.endpoint.removeprefix("http") + PATH
        _CLIENTS[key] = RealtimeClient(
            url, clock=transport.now, connects=connects, address=transport.address
        )
        engine().on_close(_CLIENTS[key].close)
    client = _CLIENTS[key]
    client.clock = transport.now
    client.doubt.ask = functools.partial(transport.ask_time, again=True)
    return client
