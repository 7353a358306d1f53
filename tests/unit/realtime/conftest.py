"""A websocket server that says and does what a test tells it to, on a real socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import Server, ServerConnection, serve

from marketkit.exchange.dialect import RateLimit
from marketkit.net.budget.budget import Budget
from marketkit.realtime.client import RealtimeClient
from marketkit.realtime.connection import Timing
from marketkit.realtime.dispatcher import Dispatcher
from marketkit.realtime.subscriptions import Stream
from tests.waiting import PATIENCE

QUICK = Timing(
    look=0.01, ping=0.05, silence=0.4, patience=0.1, lived=5.0, backoff=0.01, longest=0.05
)


class Peer:
    """The exchange's side: what it was sent, and ways to answer or to fail."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        self.headers: list[Any] = []
        self.handshakes = 0
        self.refuse = 0  # handshakes still to be refused
        self.hang_up = False  # whether to close right after the handshake
        self.heartbeat = False  # whether a PING is answered
        self.greeting: Callable[[], bytes | None] = lambda: None  # what a subscription is met with
        self._server: Server | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"ws://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/websocket/v1"

    @property
    def open(self) -> list[ServerConnection]:
        """The connections there are."""
        return list(self._server.connections)

    @property
    def subscriptions(self) -> list[dict[str, list[str]]]:
        """What was asked for, message by message: codes by type."""
        asked = [json.loads(each) for each in self.messages if each != "PING"]
        return [
            {part["type"]: part["codes"] for part in parts if "type" in part} for parts in asked
        ]

    async def say(self, *frames: bytes) -> None:
        """Send frames to everybody."""
        for connection in self.open:
            for frame in frames:
                await connection.send(frame)

    def drop(self) -> None:
        """Reset every connection."""
        for connection in self.open:
            connection.transport.abort()

    def _admit(self, connection: ServerConnection, request: Any) -> Any:
        self.handshakes += 1
        self.headers.append(request.headers)
        if self.refuse:
            self.refuse -= 1
            return connection.respond(HTTPStatus.TOO_MANY_REQUESTS, "slowly")
        return None

    async def _serve(self, connection: ServerConnection) -> None:
        if self.hang_up:
            return
        async for message in connection:
            self.messages.append(message)
            answer = self.greeting() if message != "PING" else b'{"status":"UP"}'
            if answer and (message != "PING" or self.heartbeat):
                await connection.send(answer)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Peer]:
        """Serve while the block runs."""
        async with serve(self._serve, "127.0.0.1", 0, process_request=self._admit) as server:
            self._server = server
            yield self


class Heard:
    """A listener that remembers."""

    def __init__(self) -> None:
        self.messages: list[Any] = []
        self.interruptions: list[tuple[int, str]] = []
        self.touched: list[str | None] = []
        self.reasons: list[Exception] = []

    def receive(self, message: Any) -> None:
        """Remember a message."""
        self.messages.append(message)

    def interrupted(self, until: int, reason: str, symbol: str | None = None) -> None:
        """Remember an interruption."""
        self.interruptions.append((until, reason))
        self.touched.append(symbol)

    def unopened(self, why: Exception) -> None:
        """Remember why nothing comes."""
        self.reasons.append(why)


class Told(Dispatcher):
    """A dispatcher whose messages and clock are the test's."""

    def __init__(self, now: int = 0, timing: Timing = QUICK) -> None:
        self.now = now
        super().__init__("a test", lambda: self.now, timing)

    @property
    def alive(self) -> int:
        """Up to when nothing can be missing: now, while messages come."""
        return max(self._alive, self.now) if self._whole else self._alive

    def _wants(self, *, more: bool) -> None:
        del more

    def say(self, *messages: Any) -> None:
        """Bring messages."""
        for message in messages:
            self._tell(message)

    def break_off(self, reason: str) -> None:
        """Interrupt."""
        self._interrupted(reason)

    def harm(self, reason: str, *streams: Stream) -> None:
        """Interrupt some streams alone."""
        self._harm(streams, reason)


def tickers(*symbols: str) -> list[Stream]:
    """Name streams of tickers."""
    return [Stream("ticker", symbol) for symbol in symbols]


def ticker(symbol: str, price: float = 1.0, time: int = 1) -> bytes:
    """Spell a ticker."""
    text = json.dumps({"ty": "ticker", "cd": symbol, "tp": price, "tms": time, "st": "REALTIME"})
    return text.encode()


async def until(condition: Callable[[], object]) -> None:
    """Wait until something holds; a test that waits for ever fails."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in many places
            await asyncio.sleep(0.002)


@pytest.fixture
def meet(tmp_path: Path) -> Callable[..., AbstractAsyncContextManager[tuple[RealtimeClient, Peer]]]:
    """Make a peer and a client with it, which end with the block."""

    @asynccontextmanager
    async def meeting(
        timing: Timing = QUICK, clock: Callable[[], int] = lambda: 0
    ) -> AsyncIterator[tuple[RealtimeClient, Peer]]:
        connects = Budget("websocket-connect", RateLimit(5, 0.05), tmp_path)
        async with Peer().listening() as peer:
            client = RealtimeClient(peer.url, clock=clock, connects=connects, timing=timing)
            try:
                yield client, peer
            finally:
                await client.close()
                connects.close()

    return meeting
