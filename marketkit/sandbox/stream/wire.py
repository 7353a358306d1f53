"""One websocket as bytes: the handshake, messages in, frames out, and the ways to end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Final, NamedTuple, Protocol

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

from marketkit.sandbox.faulty.sending import endless_head
from marketkit.sandbox.sockets import pour, reset

_WINDOW_BITS: Final = 12  # 4 KiB: no message gains from more
_DATA: Final = (Opcode.TEXT, Opcode.BINARY, Opcode.CONT)


class Admission(NamedTuple):
    """The answer to a handshake: 101 or another status, and the Remaining-Req to show.

    With a `pause` the head of the answer never ends: so many seconds from header to header.
    """

    status: int
    text: str = ""
    remaining: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    pause: float | None = None


class Session(Protocol):
    """Whoever speaks over a wire."""

    def admit(self, path: str, *, origin: bool) -> Admission | None:
        """Say whether a client may come in; None says nothing, for ever."""
        ...

    def begin(self) -> None:
        """Go to work: the handshake is done."""
        ...

    def touch(self) -> None:
        """Note that the client showed itself, if only by a ping."""
        ...

    def receive(self, message: bytes) -> None:
        """Act on one message."""
        ...

    def flush(self) -> None:
        """Write all that waits to be sent."""
        ...

    def lost(self, reason: str) -> None:
        """Note that the connection is gone."""
        ...


class Wire(asyncio.Protocol):
    """The protocol of a websocket, in place of the HTTP connection before the handshake.

    The library speaks it; data frames are encoded once for all connections and written past it,
    which a server may: it neither masks nor remembers them.
    """

    def __init__(self, session: Session, of_server: set[Any], *, deflate: bool) -> None:
        self.bits = 0  # of the window that frames are compressed in, 0 for none
        self._session, self._of_server = session, of_server
        self._incoming: list[bytes] = []
        self._pouring: asyncio.Task[None] | None = None
        self._protocol = ServerProtocol(extensions=_extensions(deflate=deflate))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take over the transport."""
        self._transport: Any = transport
        self._of_server.add(self)

    def data_received(self, data: bytes) -> None:
        """Hand bytes to the protocol, and act on the events."""
        self._protocol.receive_data(data)
        self._act()

    def eof_received(self) -> None:
        """Note that the client has closed one half."""
        self._protocol.receive_eof()
        self._act()

    def connection_lost(self, error: Exception | None) -> None:
        """Tell the session that the connection is over."""
        self._of_server.discard(self)
        self._session.lost("reset by client" if error else "closed by client")

    def shutdown(self) -> None:
        """Close because the server stops."""
        self.close(CloseCode.GOING_AWAY)
        if self.backlog:
            self._transport.abort()  # a client that does not read would keep it open
        self._transport.close()

    def _act(self) -> None:
        for event in self._protocol.events_received():
            if isinstance(event, Handshake):
                self._shake_hands(event)
            elif isinstance(event, Frame):
                self._take(event)
        self._speak()

    def _speak(self) -> None:
        """Send the protocol's own messages: the handshake, pongs, closes."""
        self._session.flush()
        for data in self._protocol.data_to_send():
            if data:
                self._transport.write(data)
            else:
                self._transport.close()

    def _shake_hands(self, request: Handshake) -> None:
        path, origin = request.path.partition("?")[0], "Origin" in request.headers
        admission = self._session.admit(path, origin=origin)
        if admission is None:
            return
        if admission.pause is not None:
            self.pour(endless_head("101 Switching Protocols"), admission.pause)
            return
        accepted = admission.status == HTTPStatus.SWITCHING_PROTOCOLS
        response = self._protocol.accept(request) if accepted else _refusal(admission)
        if admission.remaining is not None:
            response.headers["Remaining-Req"] = admission.remaining
            response.headers["Limit-By-Ip"] = "Yes"
        self._protocol.send_response(response)
        self._speak()
        if response.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
            self.bits = _negotiated(self._protocol)
            self._session.begin()

    def _take(self, part: Frame) -> None:
        self._session.touch()
        if part.opcode not in _DATA:
            return
        self._incoming.append(bytes(part.data))
        if part.fin:
            message, self._incoming = b"".join(self._incoming), []
            self._session.receive(message)

    @property
    def address(self) -> str:
        """The client's address, without the port."""
        address: str = self._transport.get_extra_info("peername")[0]
        return address

    @property
    def port(self) -> int:
        """The port that the client asked."""
        port: int = self._transport.get_extra_info("sockname")[1]
        return port

    @property
    def backlog(self) -> int:
        """How many bytes the client has not taken yet."""
        size: int = self._transport.get_write_buffer_size()
        return size

    def write(self, data: bytes) -> None:
        """Send frames that are encoded already."""
        if not self._transport.is_closing():
            self._transport.write(data)

    def pour(self, parts: Iterable[bytes], pause: float = 0.0) -> None:
        """Send bytes as fast as read, `pause` seconds apart, and hang up after the last."""
        task = asyncio.get_running_loop().create_task(pour(self._transport, parts, pause))
        task.add_done_callback(lambda _: self._transport.close())
        self._pouring = task

    def close(self, code: CloseCode) -> None:
        """End the connection properly."""
        if self._protocol.state is State.OPEN:
            self._protocol.send_close(code)
            self._speak()

    def cut(self) -> None:
        """Hang up without a close frame once all written bytes are sent."""
        self._transport.close()

    def reset(self) -> None:
        """End the connection with a TCP reset."""
        reset(self._transport)


def _refusal(admission: Admission) -> Response:
    body = admission.text.encode()
    headers = Headers(
        {
            "Content-Type": "text/plain;charset=UTF-8",
            "Content-Length": str(len(body)),
            "Connection": "close",
            **dict(admission.headers),
        }
    )
    return Response(admission.status, HTTPStatus(admission.status).phrase, headers, body)


def _extensions(*, deflate: bool) -> list[ServerPerMessageDeflateFactory]:
    if not deflate:
        return []
    return [
        ServerPerMessageDeflateFactory(
            server_no_context_takeover=True, server_max_window_bits=_WINDOW_BITS
        )
    ]


def _negotiated(protocol: ServerProtocol) -> int:
    found = next((one for one in protocol.extensions if isinstance(one, PerMessageDeflate)), None)
    return found.local_max_window_bits if found else 0
