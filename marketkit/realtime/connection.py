"""The life of one websocket: frames in, the wanted streams and signs of life out."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from marketkit.errors import NetworkError, plain
from marketkit.exchange.dialect import RateLimit
from marketkit.exchange.upbit.limits import MESSAGE_LIMITS, parse_retry_after
from marketkit.exchange.upbit.stream import PING, subscription
from marketkit.realtime.subscriptions import LINGER

if TYPE_CHECKING:
    from websockets.exceptions import InvalidStatus

    from marketkit.realtime.socket import Socket

_MARGIN = 0.05  # of a period: messages may arrive closer together than they were sent
_SHOWN = 80  # letters of an address that a message shows
_LOOPBACK = ("ws://127.0.0.1", "ws://localhost", "ws://[::1]")


@dataclass(frozen=True, slots=True)
class Timing:
    """How patient a session is, in seconds of this machine; `linger` in ms of the exchange's clock.

    The exchange closes a socket after 60 s without traffic and answers a text PING within 10 s
    (Upbit reference, section 6.1): a connection quiet for `ping` is asked, one silent for `silence`
    is dead. A connection that broke after something came is followed by the next one at once, at
    most one time in `lived`; other waits between attempts double from `backoff` to `longest`. Who
    waits for a first message is told why none comes after `patience`.
    """

    look: float = 1.0
    ping: float = 10.0
    silence: float = 30.0
    opening: float = 10.0
    patience: float = 20.0
    lived: float = 5.0
    backoff: float = 0.5
    longest: float = 60.0
    linger: int = LINGER


class Pace:
    """When a message may be sent, so that no window of any limit holds too many. Pure."""

    def __init__(self, limits: tuple[RateLimit, ...] = MESSAGE_LIMITS) -> None:
        self._limits = limits
        self._sent: deque[float] = deque(maxlen=max(limit.requests for limit in limits))

    def delay(self, now: float) -> float:
        """Give the seconds until the next message may be sent."""
        waits = [
            self._sent[-limit.requests] + limit.seconds * (1 + _MARGIN) - now
            for limit in self._limits
            if len(self._sent) >= limit.requests
        ]
        return max(0.0, *waits, 0.0)

    def sent(self, now: float) -> None:
        """Count a message."""
        self._sent.append(now)


class Connection:
    """One open socket.

    `wanted` gives the streams to ask for, `take` is given every frame, `clock` is the exchange's.
    """

    def __init__(
        self,
        socket: Socket,
        timing: Timing,
        *,
        wanted: Callable[[], Mapping[str, set[str]]],
        take: Callable[[bytes], None],
        clock: Callable[[], int],
    ) -> None:
        self._socket = socket
        self._timing = timing
        self._wanted = wanted
        self._take = take
        self._clock = clock
        self._frames = 0
        self._looked = 0
        self._pace = Pace()
        self._changed = asyncio.Event()
        self._again = False  # whether the same streams are to be asked for once more
        # Why frames cannot be taken any more; cancelled when none is to be.
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.alive = 0
        self.sent = 0

    def change(self, *, again: bool = False) -> None:
        """Have a changed subscription sent as soon as the limits allow; `again` also the same."""
        self._again |= again
        self._changed.set()

    async def run(self) -> None:
        """Read until the connection ends, and raise why; return when nothing is wanted any more."""
        reads, watches = (asyncio.create_task(each) for each in (self._read(), self._watch()))
        ends = [self._failed, reads, watches]
        try:
            done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            # Waiting for a goodbye would only delay the next connection.
            self._socket.transport.abort()
            for each in ends:
                each.cancel()
            await asyncio.gather(*ends, return_exceptions=True)
            # An old connection, which may hold much, is no cycle that waits for the collector: its
            # socket knows us, its protocol an error, and what ends a task has this very frame.
            self._socket.give = self._socket.protocol.parser_exc = None
        try:
            for end in done:
                end.result()
        finally:
            del reads, watches, ends, done, end

    async def _read(self) -> None:
        """Have messages taken as they arrive, and take those that had to wait."""
        self._socket.give = self._receive
        while True:
            self._receive(await self._socket.waiting())

    def _receive(self, raw: bytes) -> None:
        """Take a message, unless the connection is over; a failure ends it."""
        if self._failed.done():
            return
        self._frames += 1
        try:
            self._take(raw)
        except Exception as error:  # noqa: BLE001 - raised by `run`
            self._failed.set_exception(error)

    async def _watch(self) -> None:
        """Send the subscription, ask a quiet connection for a sign of life, give up a dead one."""
        loop, timing = asyncio.get_running_loop(), self._timing
        sent: Mapping[str, set[str]] = {}
        heard = asked = loop.time()
        frames = 0
        while wanted := self._wanted():
            now = loop.time()
            if self._frames != frames:
                heard, frames = now, self._frames
                # What came since the last look came after that look.
                self.alive = max(self.alive, self._looked)
            self._looked = self._clock()
            if now - heard >= timing.silence:
                raise NetworkError(f"silent for {timing.silence:g}s")
            if (wanted != sent or self._again) and not self._pace.delay(now):
                sent, self._again = wanted, False
                await self._send(subscription(str(uuid.uuid4()), wanted), now)
            elif now - max(heard, asked) >= timing.ping and not self._pace.delay(now):
                asked = now
                await self._send(PING, now)
            await self._pause(min(timing.look, self._pace.delay(now) or timing.look))

    async def _pause(self, seconds: float) -> None:
        """Wait for the next look, or until the subscription changes."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        self._changed.clear()

    async def _send(self, text: str, now: float) -> None:
        self._pace.sent(now)
        self.sent += 1
        await self._socket.send(text)


async def shake_hands(url: str, timing: Timing, largest: int, address: str | None = None) -> Socket:
    """Open a socket; without an Origin header, which would allow one connect in ten seconds.

    From `address`, one of this machine, if it is given, and then by no proxy.

    No redirect is followed: the budget of handshakes is of this host, and another is no exchange.
    A frame of more than `largest` bytes, decompressed, ends the connection while it arrives.
    """
    from marketkit.realtime.socket import connected  # noqa: PLC0415 - slow to import

    near = url.startswith(_LOOPBACK)
    return await connected(
        url,
        # A seventh of the bytes for 3 us a message; on this machine bytes cost nothing.
        compression=None if near else "deflate",
        # A company's proxy cannot reach a sandbox on this machine, and has an address of its own.
        proxy=None if near or address else True,
        local_addr=None if address is None else (address, 0),
        open_timeout=timing.opening,
        ping_interval=None,  # the watch above knows better what a silent socket is
        max_size=largest,
    )


def refusal(url: str, error: InvalidStatus) -> tuple[NetworkError, float | None]:
    """Say that a handshake was answered with something else; give the seconds to wait, if told.

    A redirect is named, so that people may follow it.
    """
    said = f"{url} answered the handshake with HTTP {error.response.status_code}"
    there = _header(error, "Location")
    if there is not None:
        said += f" to {plain(there, _SHOWN)!r}: not followed"
    wait = parse_retry_after(_header(error, "Retry-After"), _header(error, "Date"))
    return NetworkError(said), wait


def _header(error: InvalidStatus, name: str) -> str | None:
    """Give the first value of a header, however many there are."""
    return next(iter(error.response.headers.get_all(name)), None)
