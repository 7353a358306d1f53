"""Resetting a TCP connection."""

from __future__ import annotations

import asyncio
import socket
import struct


def reset(transport: asyncio.Transport) -> None:
    """End a connection with a TCP reset; unsent bytes are lost."""
    linger = struct.pack("ii", 1, 0)
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    transport.abort()
