"""A server in front of a sandbox that spoils some of the answers on their way."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass
class Answer:
    """An answer on its way: `number` counts those of its path's first word, from 0."""

    path: str
    query: dict[str, str]
    number: int
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows of the body."""
        return json.loads(self.body)

    @rows.setter
    def rows(self, rows: list[dict[str, Any]]) -> None:
        self.body = json.dumps(rows).encode()


@dataclass
class Meddler:
    """The front's address, the answers that went through, and what is done to each."""

    spoil: Callable[[Answer], object]
    endpoint: str = ""
    passed: list[Answer] = field(default_factory=list)

    def asked(self, word: str) -> int:
        """Count the answers below a path."""
        return sum(f"/{word}" in each.path for each in self.passed)


@contextmanager
def meddling(
    endpoint: str, spoil: Callable[[Answer], object] = lambda _: None
) -> Iterator[Meddler]:
    """Stand in front of `endpoint`; `spoil` may change an answer, and may be changed meanwhile."""
    front, behind = Meddler(spoil), urlsplit(endpoint)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        lock = threading.Lock()

        def do_GET(self) -> None:
            upstream = HTTPConnection(behind.hostname, behind.port)
            upstream.request("GET", self.path)
            got = upstream.getresponse()
            url = urlsplit(self.path)
            with self.lock:
                number = front.asked(url.path.split("/")[2])
                headers = {name.lower(): value for name, value in got.getheaders()}
                query = dict(parse_qsl(url.query))
                answer = Answer(url.path, query, number, got.status, headers, got.read())
                front.passed.append(answer)
                front.spoil(answer)
            upstream.close()
            self.send_response_only(answer.status)
            answer.headers["content-length"] = str(len(answer.body))
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        def handle(self) -> None:
            with suppress(ConnectionError):  # a client that has gone
                super().handle()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        front.endpoint = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield front
        finally:
            server.shutdown()
            thread.join()
