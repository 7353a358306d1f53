"""The server around the exchange: a listener on loopback, and the protocols of a connection."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any, Final

from marketkit.errors import InputError, MissingExtra

try:
    from uvicorn import Config, Server
    from uvicorn.protocols.http.h11_impl import H11Protocol
except ImportError:
    raise MissingExtra("uvicorn", "sandbox") from None

_KEEP_ALIVE_S: Final = 75  # longer than a client's own 60 s, so that the client decides
_LONGEST_HEAD: Final = 1 << 20  # bytes: a URL too long is for the app to answer


class _Protocol(H11Protocol):
    """HTTP/1.1 whose app can reach the transport, to reset or cut a connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.app_state = {**self.app_state, "transport": transport}
        super().connection_made(transport)


class ExchangeServer(Server):
    """A server that calls back once listening."""

    def __init__(self, config: Config, on_listening: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_listening = on_listening
        self.loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, and say so."""
        self.loop = asyncio.get_running_loop()
        await super().startup(sockets)
        self._on_listening()


def server(app: Any, websocket: Any, on_listening: Callable[[], None]) -> ExchangeServer:
    """Return the server of an ASGI app; `websocket` makes the protocol of an upgraded one."""
    config = Config(
        app,
        http=_Protocol,
        ws=websocket,
        loop="asyncio",
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=1,
        h11_max_incomplete_event_size=_LONGEST_HEAD,
    )
    return ExchangeServer(config, on_listening)


def listen(port: int) -> socket.socket:
    """Return a socket that listens on a port of loopback; 0 takes a free one.

    Raises `InputError` for a port that is taken.
    """
    # The protocol is named because asyncio turns Nagle's delay off only where it is.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except (OSError, OverflowError) as error:
        listener.close()
        why = getattr(error, "strerror", "it is not between 0 and 65535")
        raise InputError(f"port {port} cannot be used: {why}") from error
    return listener
