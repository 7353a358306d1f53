"""A proxy before an object store that spoils some requests or answers, as a script says.

A client signs the name of the host it asks, which goes through as it came.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from tests.waiting import PATIENCE

_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}
_ERROR = "<?xml version='1.0'?><Error><Code>{}</Code><Message>as the script says</Message></Error>"


class Asked(NamedTuple):
    """A request on its way: `number` counts all of them from 0."""

    number: int
    method: str
    path: str
    headers: HTTPMessage


class Deed(NamedTuple):
    """A deed of the proxy; without any, a request and the answer pass as they are."""

    answer: int = 0  # the status of an answer in the place of the store's
    code: str = ""  # the code in that answer
    extra: str = ""  # more XML in it
    landed: bool = False  # whether the store gets the request before it is answered so, or dropped
    drop: bool = False  # closes the connection in the place of an answer
    without: tuple[str, ...] = ()  # headers of the request that the store does not get
    wait: threading.Event | None = None  # that comes before the answer goes on
    delay: float = 0.0  # seconds until the answer goes on


PASS = Deed()
LOST = Deed(drop=True, landed=True)
REFUSED = Deed(drop=True)
CARELESS = Deed(without=("if-match", "if-none-match"))

Script = Callable[[Asked], Deed]


@dataclass
class Proxy:
    """The proxy's address, the requests so far, and the script, which may be changed meanwhile."""

    script: Script
    endpoint: str = ""
    asked: list[Asked] = field(default_factory=list)

    def count(self, method: str, word: str = "") -> int:
        """Count the requests of a method whose paths have a word in them."""
        return sum(each.method == method and word in each.path for each in self.asked)


def puts(*deeds: Deed, word: str = "") -> Script:
    """Do so with the first PUTs of keys that have a word in them, in turn."""
    left = list(deeds)

    def script(asked: Asked) -> Deed:
        return left.pop(0) if asked.method == "PUT" and word in asked.path and left else PASS

    return script


def by_chance(seed: int, share: float) -> Script:
    """Spoil a share of all requests that write, and a third as many that read, each in some way."""
    ways = (
        LOST,
        REFUSED,
        Deed(answer=500, code="InternalError"),
        Deed(answer=500, code="InternalError", landed=True),
        Deed(answer=503, code="SlowDown"),
        Deed(answer=409, code="ConditionalRequestConflict"),
        Deed(delay=0.05),
    )

    def script(asked: Asked) -> Deed:
        dice = random.Random(f"{seed}:{asked.number}")
        writes = asked.method in {"PUT", "DELETE", "POST"}
        if dice.random() >= (share if writes else share / 3):
            return PASS
        return dice.choice(ways)

    return script


class _Handler(BaseHTTPRequestHandler):
    """One connection of a client; `server` is the front it came to."""

    server: _Front
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # headers and body leave together

    def do_GET(self) -> None:
        deed = self.server.deed(self.command, self.path, self.headers)
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        spoilt = deed.answer or deed.drop
        got = None if spoilt and not deed.landed else self._store(deed, body)
        if deed.wait is not None or deed.delay:
            (deed.wait or threading.Event()).wait(deed.delay or 60)
        if deed.drop:
            self.close_connection = True
        elif deed.answer or got is None:
            self._say(deed)
        else:
            self._pass(*got)

    do_PUT = do_HEAD = do_DELETE = do_POST = do_GET  # noqa: N815 - names of the library

    def _store(self, deed: Deed, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        behind, left_out = self.server.behind, {*deed.without, "connection"}
        upstream = HTTPConnection(behind.hostname or "", behind.port, timeout=PATIENCE)
        headers = {k: v for k, v in self.headers.items() if k.lower() not in left_out}
        upstream.request(self.command, self.path, body or None, headers)
        got = upstream.getresponse()
        content = got.read()
        upstream.close()
        return got.status, got.getheaders(), content

    def _pass(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers:
            # Of an answer to HEAD the length is the object's.
            if name.lower() not in _HOP or (self.command == "HEAD" and "length" in name.lower()):
                self.send_header(name, value)
        if self.command != "HEAD" and status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _say(self, deed: Deed) -> None:
        words = _ERROR.format(deed.code).replace("</Error>", f"{deed.extra}</Error>")
        body = b"" if self.command == "HEAD" else words.encode()
        self.send_response_only(deed.answer)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def handle(self) -> None:
        with suppress(OSError):  # a client that has gone
            super().handle()

    def log_message(self, *_: object) -> None:
        pass


class _Front(ThreadingHTTPServer):
    """The proxy's socket, and the store behind."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, endpoint: str, proxy: Proxy) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behind, self._proxy, self._lock = urlsplit(endpoint), proxy, threading.Lock()

    def deed(self, method: str, path: str, headers: HTTPMessage) -> Deed:
        """Ask the script what to do with a request."""
        with self._lock:
            path = unquote(urlsplit(path).path)
            asked = Asked(len(self._proxy.asked), method, path, headers)
            self._proxy.asked.append(asked)
            return self._proxy.script(asked)


@contextmanager
def proxied(endpoint: str, script: Script = lambda _: PASS) -> Iterator[Proxy]:
    """Stand before a store."""
    proxy = Proxy(script)
    with _Front(endpoint, proxy) as server:
        proxy.endpoint = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            server.shutdown()
            thread.join()
