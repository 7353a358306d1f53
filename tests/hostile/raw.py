"""A server of raw bytes on a real socket, for answers that no library would write."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress

Answer = bytes | Iterable[bytes]


class RawServer:
    """Gives every request the bytes that `answer(path)` has for it, and closes the connection."""

    def __init__(self, answer: Callable[[str], Answer]) -> None:
        self.paths: list[str] = []
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.endpoint = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                piece = connection.recv(65_536)
                if not piece:
                    return
                head += piece
            path = head.split(b" ", 2)[1].decode()
            self.paths.append(path)
            answer = self._answer(path)
            for each in (answer,) if isinstance(answer, bytes) else answer:
                connection.sendall(each)


@contextmanager
def serving(answer: Callable[[str], Answer]) -> Iterator[RawServer]:
    """Serve for the length of a block."""
    server = RawServer(answer)
    try:
        yield server
    finally:
        server.close()


def head(status: int = 200, **headers: object) -> bytes:
    """Write the head of an answer; `_` in names stands for `-`."""
    lines = [f"HTTP/1.1 {status} X", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def reply(body: bytes = b"[]", status: int = 200, **headers: object) -> bytes:
    """Write a whole answer."""
    return head(status, Content_Length=len(body), **headers) + body
