"""A server of raw bytes, and a sender without pauses that a test would wait for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import asynccontextmanager

import pytest

from marketkit.net.archive import sending


class Server:
    """Answers each path with the next of its answers, the last one again and again."""

    def __init__(self, answers: dict[str, list[bytes]]) -> None:
        self.answers = answers
        self.heads: list[str] = []
        self.clients: set[str] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.clients.add(writer.get_extra_info("peername")[0])
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.heads.append(head)
            path = head.split()[1].partition("?")[0]
            waiting = self.answers[path]
            writer.write(waiting.pop(0) if len(waiting) > 1 else waiting[0])
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    @asynccontextmanager
    async def running(self):
        """Listen; give the address."""
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            yield f"http://127.0.0.1:{port}"


@pytest.fixture
def answer() -> Callable[..., bytes]:
    """Spell an answer."""

    def spell(body: bytes = b"", status: int = 200, headers: str = "", length: int | None = None):
        size = len(body) if length is None else length
        head = f"HTTP/1.1 {status} X\r\nDate: Thu, 01 Jan 2026 00:00:01 GMT\r\n{headers}"
        return f"{head}Connection: close\r\nContent-Length: {size}\r\n\r\n".encode() + body

    return spell


@pytest.fixture
def server() -> Callable[[dict[str, list[bytes]]], Server]:
    """Make a server of answers."""
    return Server


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    monkeypatch.setattr(sending, "_FIRST_WAIT", 0.001)
