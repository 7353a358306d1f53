"""What endpoints stand on, without an exchange or with one that says literal bytes."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from marketkit.api.markets import MarketList
from marketkit.api.router import Router
from marketkit.api.sync import SmartDataProvider
from marketkit.cache.store import ResponseStore
from marketkit.data.lake.lake import Lake
from marketkit.data.lake.markets import Universe
from marketkit.exchange.dialect import RateLimit
from marketkit.exchange.upbit import rest as upbit_rest
from marketkit.exchange.upbit.limits import UPBIT
from marketkit.net.transport import Transport

LISTED = ("BTC-ETH", "KRW-BTC", "KRW-ETH", "KRW-XRP")
NOWHERE = "http://127.0.0.1:9"
FAST = (10, 0.02)


def market_list(symbols: tuple[str, ...] = LISTED) -> bytes:
    """Spell a market list as the exchange does."""
    return json.dumps([{"market": symbol} for symbol in symbols]).encode()


class Server(ThreadingHTTPServer):
    """A server that does not mind a client who leaves."""

    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Say nothing."""


class Exchange:
    """An exchange on a real socket that answers each path with the bytes it was given.

    To a request for a market that is `gone` and without a body it says 404, to others 400.
    """

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.bodies: dict[str, bytes | Callable[[dict[str, str]], bytes]] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.gone: set[str] = set()

    def paths(self) -> list[str]:
        """The paths that were asked for, in order."""
        return [path for path, _ in self.asked]

    def answer(self, path: str, params: dict[str, str]) -> bytes | None:
        """Find the body for a request; None is refused."""
        self.asked.append((path, params))
        body = self.bodies.get(path)
        return body(params) if callable(body) else body


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    """An exchange that lists `LISTED` and says nothing else yet."""

    class Handler(BaseHTTPRequestHandler):
        """One request."""

        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            """Answer it."""
            url = urlsplit(self.path)
            params = {name: values[0] for name, values in parse_qs(url.query).items()}
            body = one.answer(url.path.removeprefix("/v1"), params)
            refusal = 404 if params.get("market") in one.gone else 400
            self.send_response(200 if body is not None else refusal)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = Server(("127.0.0.1", 0), Handler)
    one = Exchange(f"http://127.0.0.1:{server.server_port}")
    one.bodies["/market/all"] = market_list()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield one
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def provider(exchange: Exchange, tmp_path: Path) -> Iterator[SmartDataProvider]:
    """A provider of that exchange with an empty lake."""
    limits = dict.fromkeys(UPBIT.limits, FAST)
    with SmartDataProvider(
        endpoint=exchange.endpoint, lake=tmp_path / "lake", limits=limits
    ) as one:
        yield one


@pytest.fixture
def offline(tmp_path: Path) -> Iterator[SmartDataProvider]:
    """A provider that sends nothing."""
    with SmartDataProvider(endpoint=NOWHERE, lake=tmp_path / "lake", offline=True) as one:
        yield one


@pytest.fixture
def transport(tmp_path: Path) -> Transport:
    """A transport that sends nothing."""
    rules = replace(UPBIT, limits={group: RateLimit(*FAST) for group in UPBIT.limits})
    return Transport(
        NOWHERE,
        rules,
        timeout=1.0,
        budget_dir=tmp_path / "budget",
        offline=True,
    )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ResponseStore]:
    """A store of answers that nothing was put into."""
    one = ResponseStore(tmp_path / "cache", max_bytes=1 << 20)
    yield one
    one.close()


@pytest.fixture
def markets(transport: Transport, store: ResponseStore, tmp_path: Path) -> MarketList:
    """The list of `LISTED` as another process left it behind, made just now."""
    request, now = upbit_rest.market_request(), transport.now()
    key = f"{NOWHERE}{request.path}?" + "&".join(
        f"{name}={value}" for name, value in request.params
    )
    asyncio.run(store.put(key, market_list(), made_at=now, expires_at=now + 3_600_000))
    return MarketList(transport, store, Universe(tmp_path / "lake", "test"))


@pytest.fixture
def router(transport: Transport, markets: MarketList, tmp_path: Path) -> Router:
    """A router that knows these markets and can ask nobody."""
    return Router(transport, markets, Lake(tmp_path / "lake"))
