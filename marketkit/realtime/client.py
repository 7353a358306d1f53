"""One websocket that reconnects, for all streams of the process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from marketkit.clock import age_clock
from marketkit.errors import BadResponse, MarketkitError
from marketkit.exchange.upbit.stream import PATH, Decoder
from marketkit.net.budget.budget import Budget
from marketkit.net.engine import engine
from marketkit.net.transport import Transport
from marketkit.realtime.connection import Connection, Timing, shake_hands
from marketkit.realtime.dispatcher import Dispatcher

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

_log = logging.getLogger("marketkit.realtime")
_WRONG_IN_A_ROW = 20  # frames; a connection that says nothing else is of no use


@dataclass(slots=True)
class RealtimeStats:
    """Counts of a client so far; `refused` handshakes had any answer but a websocket."""

    connects: int = 0
    refused: int = 0
    frames: int = 0
    wrong: int = 0


class RealtimeClient(Dispatcher):
    """A websocket to `url`, open while a stream is wanted. Use on one event loop.

    `clock` gives the exchange's time in ms UTC; `connects` is the machine's budget of handshakes.
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
    ) -> None:
        super().__init__(url, clock, timing or Timing())
        self.stats = RealtimeStats()
        self.heard = 0  # the `age_clock` moment of the newest frame
        self._connects = connects
        self._draw = draw
        self._decoder = Decoder()
        self._task: asyncio.Task[None] | None = None
        self._connection: Connection | None = None
        self._wrong_in_a_row = 0

    @property
    def alive(self) -> int:
        """Up to when nothing of an uninterrupted stream can be missing: ms UTC, exchange's clock.

        It lags by up to two looks, and stands still while there is no connection.
        """
        live = self._connection.alive if self._connection is not None and self._whole else 0
        return max(self._alive, live)

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
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._begin_anew()

    def _begin_anew(self) -> None:
        """Know of no message: nobody listens until the next `subscribe`."""
        self._whole, self._alive = False, 0

    async def _keep(self) -> None:
        """Connect again and again while anything is wanted."""
        loop, failures = asyncio.get_running_loop(), 0
        while self._wanted():
            began = loop.time()
            reason = await self._live()
            if not self._wanted():
                self._begin_anew()
                return
            self._interrupted(reason)
            failures = 0 if loop.time() - began >= self.timing.lived else failures + 1
            await asyncio.sleep(self._wait(failures))

    def _wait(self, failures: int) -> float:
        """Give the pause before the next attempt: longer each time, and never the same twice."""
        doubled = self.timing.backoff * 2.0 ** min(failures - 1, 20) if failures else 0.0
        return min(self.timing.longest, doubled) * (0.5 + self._draw() / 2)

    async def _live(self) -> str:
        """Open a connection, read until the end, and say why the end came."""
        from websockets.exceptions import WebSocketException  # noqa: PLC0415 - slow to import

        try:
            await self._converse()
        except (OSError, MarketkitError, WebSocketException) as error:
            return str(error) or type(error).__name__
        except Exception as error:  # noqa: BLE001 - our mistake must not end everybody's streams
            _log.exception("the client of %s stumbled", self.name)
            return repr(error)
        return "nothing was wanted"

    async def _converse(self) -> None:
        socket = await self._open()
        connection = Connection(
            socket, self.timing, wanted=self._wanted, take=self._take, clock=self.clock
        )
        self._connection = connection
        self._wrong_in_a_row = 0
        try:
            await connection.run()
        finally:
            self._alive = self.alive
            self._connection = None

    async def _open(self) -> ClientConnection:
        """Connect when this machine's turn has come."""
        from websockets.exceptions import InvalidStatus  # noqa: PLC0415 - slow to import

        while not (slot := await self._connects.acquire()).fresh():
            slot.unsent()
        self.stats.connects += 1
        try:
            socket = await shake_hands(self.name, self.timing)
            slot.done(101)
        except InvalidStatus as error:
            self.stats.refused += 1
            slot.done(error.response.status_code)
            raise
        finally:
            slot.lost()  # unless the answer came, which already ended the slot
        return socket

    def _wanted(self) -> dict[str, set[str]]:
        """Give the streams that are wanted still."""
        self._forget(self._subscriptions.expire(self.clock()))
        return self._subscriptions.wanted()

    def _take(self, raw: bytes) -> None:
        """Tell listeners the news of a frame."""
        self.stats.frames += 1
        self.heard = age_clock()
        try:
            messages = self._decoder.decode(raw)
        except BadResponse as problem:
            self._misread(problem)
            return
        for message in messages:
            self._tell(message)

    def _misread(self, problem: BadResponse) -> None:
        """Count a frame that cannot be read, which may have hidden messages."""
        self.stats.wrong += 1
        self._wrong_in_a_row += 1
        _log.warning("%s: %s", self.name, problem)
        if self._wrong_in_a_row >= _WRONG_IN_A_ROW:
            raise problem
        if self._whole:
            self._interrupted(str(problem))

    def _resumed(self) -> None:
        super()._resumed()
        self._wrong_in_a_row = 0


_CLIENTS: dict[tuple[str, int], RealtimeClient] = {}


def client_of(transport: Transport) -> RealtimeClient:
    """Give the client of this process with the exchange of `transport`, on the engine's loop.

    Its clock is that of the transport that asked last, for that one is in use. Raises `Offline`.
    """
    key = (transport.endpoint, os.getpid())  # a child made by fork has no socket of its own
    connects = transport.connects()
    if key not in _CLIENTS:
        url = "ws" + transport.endpoint.removeprefix("http") + PATH
        _CLIENTS[key] = RealtimeClient(url, clock=transport.now, connects=connects)
        engine().on_close(_CLIENTS[key].close)
    client = _CLIENTS[key]
    client.clock = transport.now
    return client
