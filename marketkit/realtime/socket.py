"""The library's websocket, with messages handed over while they arrive. Slow to import."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from websockets.asyncio.client import ClientConnection, connect
from websockets.frames import Frame, Opcode
from websockets.protocol import Event

_DATA = (Opcode.TEXT, Opcode.BINARY, Opcode.CONT)


class Socket(ClientConnection):
    """An open socket that hands messages to `give` in the loop's own callback, in their order.

    `recv` wakes a task for each message that comes alone, which is a third of the cost of one.
    `waiting` gives those in several frames, those behind one that nobody has read yet, and those
    from before anybody takes them.
    """

    give: Callable[[bytes], None] | None = None
    _behind = 0  # messages that wait to be read

    def process_event(self, event: Event) -> None:
        """Hand a whole message over, unless others wait; leave all else to the library."""
        if isinstance(event, Frame) and event.opcode in _DATA:
            whole = event.fin and event.opcode is not Opcode.CONT
            if whole and not self._behind and self.give is not None:
                self.give(bytes(event.data))
                return
            self._behind += event.fin
        super().process_event(event)

    async def waiting(self) -> bytes:
        """Give the next message that waits; raises `ConnectionClosed` behind the last."""
        raw = await self.recv(decode=False)
        self._behind -= 1
        return raw


class _Connect(connect):
    def process_redirect(self, exc: Exception) -> Exception:
        return exc


async def connected(url: str, **options: Any) -> Socket:
    """Connect without following a redirect; the options are those of `websockets`' `connect`."""
    return cast("Socket", await _Connect(url, create_connection=Socket, **options))
