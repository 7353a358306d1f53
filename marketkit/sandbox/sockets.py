"""TCP connections below any protocol: reset, and written to without end."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Iterable

_FULL = 1 << 20  # bytes on the way, before a writer waits for the reader
_LOOK_S = 0.005  # real seconds between two looks at a reader who is behind


def reset(transport: asyncio.Transport) -> None:
    """End a connection with a TCP reset; unsent bytes are lost."""
    linger = struct.pack("ii", 1, 0)
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    transport.abort()


async def pour(
    transport: asyncio.WriteTransport, chunks: Iterable[bytes], pause: float = 0.0
) -> None:
    """Write chunks, `pause` seconds apart, as fast as read and until the reader leaves."""
    for chunk in chunks:
        while transport.get_write_buffer_size() > _FULL:  # noqa: ASYNC110 - there is no event
            await asyncio.sleep(_LOOK_S)
        if transport.is_closing():
            return
        transport.write(chunk)
        await asyncio.sleep(pause)
