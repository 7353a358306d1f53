"""One client's websocket: handshake, messages in, frames out, and the ways it can end."""

from __future__ import annotations

import asyncio
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from websockets.datastructures import Headers
from websockets.extensions.permessage_deflate import (
    PerMessageDeflate,
    ServerPerMessageDeflateFactory,
)
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request as Handshake
from websockets.http11 import Response
from websockets.protocol import State
from websockets.server import ServerProtocol

from marketkit.sandbox.limits import Window
from marketkit.sandbox.sockets import reset
from marketkit.sandbox.stream.faults import AT_CONNECT, AT_FRAME
from marketkit.sandbox.stream.framing import Message, frame
from marketkit.sandbox.stream.grammar import (
    Form,
    Key,
    Part,
    Request,
    StreamError,
    Wish,
    listing,
    parse,
)

if TYPE_CHECKING:
    from marketkit.sandbox.stream.hub import Hub

PATH: Final = "/websocket/v1"
_WINDOW_BITS: Final = 12
_UP: Final = b'{"status":"UP"}'
_DATA: Final = (Opcode.TEXT, Opcode.BINARY, Opcode.CONT)


class Connection(asyncio.Protocol):
    """A websocket of the sandbox, in place of the HTTP connection it began as.

    The library speaks the protocol; data frames are encoded once for all connections and written
    past it, which a server may: it neither masks nor remembers them.
    """

    def __init__(self, hub: Hub, number: int, of_server: set[Any]) -> None:
        self.hub, self.number, self._of_server = hub, number, of_server
        self.form: Form = "DEFAULT"
        self.parts: tuple[Part, ...] = ()
        self.wishes: dict[Key, Wish] = {}
        self.messages = self.violations = self.frames = self.size = 0
        self.opened = self.traffic = hub.moment
        self.ended: str | None = None
        self.silent_until = 0
        self._heartbeat = False
        self._bits = 0
        self._held: Message | None = None
        self._outbox: list[bytes] = []
        self._incoming: list[bytes] = []
        self._windows: list[Window] = hub.message_windows()
        self._protocol = ServerProtocol(extensions=_extensions(deflate=hub.rules.deflate))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take over the transport."""
        self._transport: Any = transport
        self._of_server.add(self)

    def data_received(self, data: bytes) -> None:
        """Hand bytes to the protocol, and act on what it makes of them."""
        self._protocol.receive_data(data)
        self._act()

    def eof_received(self) -> None:
        """Note that the client has closed its half."""
        self._protocol.receive_eof()
        self._act()

    def connection_lost(self, error: Exception | None) -> None:
        """Leave."""
        self.end("reset by client" if error else "closed by client")
        self._of_server.discard(self)
        self.hub.leave(self)

    def shutdown(self) -> None:
        """Close because the server stops."""
        self.close(CloseCode.GOING_AWAY, "server stopped")
        if self.backlog:
            self._transport.abort()  # a client that does not read would keep it open
        self._transport.close()

    def _act(self) -> None:
        for event in self._protocol.events_received():
            if isinstance(event, Handshake):
                self._shake_hands(event)
            elif isinstance(event, Frame):
                self._take(event)
        self._write_protocol()

    def _write_protocol(self) -> None:
        """Send what the protocol itself has to say: the handshake, pongs, closes."""
        self.flush()
        for data in self._protocol.data_to_send():
            if data:
                self._transport.write(data)
            else:
                self._transport.close()

    def _shake_hands(self, request: Handshake) -> None:
        if request.path.partition("?")[0] != PATH:
            self._refuse(404, "no Route matched with those values")
            return
        group = self.hub.limits.groups["origin" if "Origin" in request.headers else "websocket"]
        now = time.monotonic()
        fault = self.hub.faults.draw(AT_CONNECT)
        status = 429 if fault == "refuse" else self.hub.limits.admit(group.name, now)
        if status != 200:
            self.hub.refused += 1
            self._refuse(status, "Too many API requests.", group.remaining(now))
            return
        response = self._protocol.accept(request)
        response.headers["Remaining-Req"] = group.remaining(now)
        response.headers["Limit-By-Ip"] = "Yes"
        self._protocol.send_response(response)
        self._write_protocol()
        if response.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
            self._bits = _negotiated(self._protocol)
            self.hub.join(self)
        if fault == "accept-close":
            self.cut("accept-close")

    def _refuse(self, status: int, text: str, remaining: str | None = None) -> None:
        body = text.encode()
        headers = Headers(
            {
                "Content-Type": "text/plain;charset=UTF-8",
                "Content-Length": str(len(body)),
                "Connection": "close",
            }
        )
        if remaining is not None:
            headers["Remaining-Req"] = remaining
        phrase = HTTPStatus(status).phrase
        self._protocol.send_response(Response(status, phrase, headers, body))

    def _take(self, part: Frame) -> None:
        self.traffic = self.hub.moment
        if part.opcode not in _DATA:
            return
        self._incoming.append(bytes(part.data))
        if part.fin:
            message, self._incoming = b"".join(self._incoming), []
            self._receive(message)

    def _receive(self, message: bytes) -> None:
        """Act on one message of the client."""
        self.messages += 1
        if self._too_many():
            self.violations += 1
            if self.hub.rules.over_limit == "close":
                self.close(CloseCode.POLICY_VIOLATION, "message limit")
                return
        if message.strip() == b"PING":
            self._start_heartbeat()
            return
        try:
            request = parse(message)
        except StreamError as error:
            self._fail(error)
            return
        self._obey(request)

    def _too_many(self) -> bool:
        now = time.monotonic()
        # Each counts the message, also when another refuses it.
        admitted = [window.admit(now) for window in self._windows]
        return not all(admitted)

    def _obey(self, request: Request) -> None:
        self.form = request.form
        if request.parts:
            self.hub.subscribe(self, request)
            return
        answer = Message(lambda simple: listing(request, self.parts, simple=simple))
        self.hub.soon(20, lambda: self.put(answer))

    def _fail(self, error: StreamError) -> None:
        self._say(error.body.encode())
        self.hub.soon(150, lambda: self.close(CloseCode.NORMAL_CLOSURE, f"error {error.name}"))

    def _start_heartbeat(self) -> None:
        if not self._heartbeat:
            self._heartbeat = True
            self.hub.later(7_000, self._beat)

    def _beat(self) -> None:
        if self.ended is None:
            self._say(_UP)
            self.hub.later(10_000, self._beat)

    def restart_timers(self) -> None:
        """Begin waiting anew, after the clock was set back."""
        self.traffic, self.silent_until = self.hub.moment, 0
        self.watch_idle()
        if self._heartbeat:
            self.hub.later(10_000, self._beat)

    def watch_idle(self) -> None:
        """End the connection once nothing has come or gone for long; look again otherwise."""
        if self.ended is not None:
            return
        left = self.traffic + round(self.hub.rules.idle_s * 1000) - self.hub.moment
        if left <= 0:
            self.cut("idle")
        else:
            self.hub.later(left, self.watch_idle)

    def publish(self, message: Message) -> None:
        """Send one REALTIME message, unless a fault strikes it."""
        if self.ended is not None:
            return
        fault = self.hub.faults.draw(AT_FRAME)
        if fault is None and self._held is None:
            self.put(message)
        else:
            self._strike(fault, message)

    def _strike(self, fault: str | None, message: Message) -> None:
        held, self._held = self._held, None
        if fault == "drop":
            self.reset("drop")
        elif fault == "storm":
            self.hub.reset_all()
        elif fault == "half-frame":
            self._send_half(message)
        elif fault == "silence":
            self.silent_until = self.hub.moment + round(self.hub.faults.silence_s * 1000)
        elif fault == "out-of-order" and held is None:
            self._held = message
            return
        for later in (message, message if fault == "duplicate-frame" else None, held):
            if later is not None:
                self.put(later)

    def _send_half(self, message: Message) -> None:
        whole = message.wire(self.form, self._bits)
        self._outbox.append(whole[: len(whole) // 2])
        self.cut("half-frame")

    def put(self, message: Message) -> None:
        """Send one message in this connection's format."""
        self._put(message.wire(self.form, self._bits))

    def _say(self, payload: bytes) -> None:
        self._put(frame(payload))

    def _put(self, data: bytes) -> None:
        """Queue a frame; the hub writes what is queued together."""
        if self.ended is not None:
            return
        self.traffic = self.hub.moment
        if self.traffic < self.silent_until:
            return
        self.frames += 1
        self.size += len(data)
        self._outbox.append(data)
        self.hub.dirty[self] = None

    def replay(self, data: bytes) -> None:
        """Write frames that were encoded elsewhere."""
        self.flush()
        if self.ended is None:
            self._transport.write(data)

    def flush(self) -> None:
        """Write what is queued."""
        if self._outbox and not self._transport.is_closing():
            self._transport.write(b"".join(self._outbox))
        self._outbox.clear()

    @property
    def backlog(self) -> int:
        """How many bytes the client has not taken yet."""
        size: int = self._transport.get_write_buffer_size()
        return size

    def close(self, code: CloseCode, reason: str) -> None:
        """End the connection properly."""
        if self.ended is None and self._protocol.state is State.OPEN:
            self._protocol.send_close(code)
            self._write_protocol()
        self.end(reason)

    def cut(self, reason: str) -> None:
        """Hang up after what is queued, without a close frame."""
        self.flush()
        self._transport.close()
        self.end(reason)

    def reset(self, reason: str) -> None:
        """End the connection with a TCP reset."""
        self.flush()
        reset(self._transport)
        self.end(reason)

    def end(self, reason: str) -> None:
        """Note why it ended, the first time it did."""
        if self.ended is None:
            self.ended = reason

    def stats(self) -> dict[str, Any]:
        """Return what a test may ask about a connection."""
        return {
            "number": self.number,
            "opened": self.opened,
            "format": self.form,
            "compressed": self._bits > 0,
            "messages": self.messages,
            "violations": self.violations,
            "frames": self.frames,
            "bytes": self.size,
            "subscriptions": [
                {"type": part.channel, "codes": list(part.codes)} for part in self.parts
            ],
            "ended": self.ended,
        }


def _extensions(*, deflate: bool) -> list[ServerPerMessageDeflateFactory]:
    if not deflate:
        return []
    return [
        ServerPerMessageDeflateFactory(
            server_no_context_takeover=True,
            server_max_window_bits=_WINDOW_BITS,
        )
    ]


def _negotiated(protocol: ServerProtocol) -> int:
    """Return the window that frames are compressed in, 0 for no compression."""
    found = next((one for one in protocol.extensions if isinstance(one, PerMessageDeflate)), None)
    return found.local_max_window_bits if found else 0
