"""Each fault of the sandbox is felt by a client on a real socket, once, and all else is right."""

from __future__ import annotations

import json
from contextlib import ExitStack

import httpx
import pytest
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from marketkit.sandbox import Sandbox
from marketkit.sandbox.faults import ARCHIVE_KINDS, KINDS
from marketkit.sandbox.stream.faults import AT_CONNECT, AT_FRAME, STREAM_KINDS
from tests.waiting import PATIENCE

NOW = "2026-11-20T10:17:30.500"
PATHS = {"hostile-names": "market/all"}  # the others strike a page of candles
PAGE = "candles/minutes/1?market=KRW-BTC&count=9"
VALUES = {
    "endless-body": 3, "gzip-bomb": 3, "header": "Content-Type: text/plain", "drip": 0.01,
    "big-frame": 3, "frame-bomb": 3, "endless-frame": 3, "redirect-handshake": "ws://127.0.0.1:1",
}  # fmt: skip
MOST = 2 << 20  # bytes that this client takes
PIECES = 50  # in which it takes them


@pytest.fixture(scope="module")
def client():
    with httpx.Client(timeout=PATIENCE) as session:
        yield session


@pytest.fixture(scope="module")
def exchange():
    # No test here is to be refused for being quick: two of trades each are more than ten a second.
    limit = dict.fromkeys(("candles", "crix-trades", "market", "websocket"), (10_000, 1.0))
    with Sandbox(now=NOW, speed=0, limit=limit) as running:
        yield running


def taken(client, exchange, path):
    """Return what a careful client makes of an answer: its head, and its body as far as taken."""
    url, body = f"{exchange.endpoint}/v1/{path}", b""
    try:
        with client.stream("GET", url) as reply:
            head = {k: v for k, v in reply.headers.items() if k not in {"etag", "remaining-req"}}
            head["digits"] = len(reply.headers.get("remaining-req", "")) > 100
            for number, part in enumerate(reply.iter_bytes()):
                body += part
                if len(body) > MOST or number > PIECES:
                    return reply.status_code, head, "too much, or in too many pieces"
    except httpx.HTTPError as error:
        return type(error).__name__
    return reply.status_code, head, body


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ARCHIVE_KINDS])
def test_a_fault_of_requests_strikes_once_and_only_its_own_path(client, exchange, kind):
    path = PATHS.get(kind, PAGE)
    right, other = (
        taken(client, exchange, path),
        taken(client, exchange, "trades/ticks?market=KRW-ETH"),
    )
    exchange.reset_stats()
    exchange.strike(kind, value=VALUES.get(kind), path=path.split("/")[0], after=1)
    assert taken(client, exchange, "trades/ticks?market=KRW-ETH") == other
    assert taken(client, exchange, path) == right
    assert taken(client, exchange, path) != right
    assert taken(client, exchange, path) == right
    assert exchange.stats()["faults"][kind] == 1
    assert [row["fault"] for row in exchange.requests()] == [None, None, kind, None]


def heard(exchange):
    """Return the frames of a minute that a careful client took, and why it took no more."""
    frames = []
    url = exchange.endpoint.replace("http", "ws") + "/websocket/v1"
    with ExitStack() as stack:
        try:
            socket = stack.enter_context(connect(url, max_size=MOST, open_timeout=2))
            socket.send(json.dumps([{"ticket": "t"}, {"type": "trade", "codes": ["KRW-BTC"]}]))
            frames.append(socket.recv(timeout=5))
            exchange.advance(60)
            socket.send('[{"ticket":"end"},{"method":"LIST_SUBSCRIPTIONS"}]')
            while b'"ticket":"end"' not in frames[-1]:
                frames.append(socket.recv(timeout=1))
        except (WebSocketException, OSError) as error:
            frames.append(type(error).__name__)
    return frames


@pytest.mark.parametrize("kind", [*AT_CONNECT, *AT_FRAME, "late-trade"])
def test_a_fault_of_websockets_strikes_once_and_the_next_connection_is_right(exchange, kind):
    exchange.set_clock(NOW)
    right = heard(exchange)
    exchange.set_clock(NOW)
    exchange.strike(kind, value=VALUES.get(kind))
    before = exchange.stats()["faults"][kind]
    assert heard(exchange) != right
    exchange.set_clock(NOW)
    assert heard(exchange) == right
    assert exchange.stats()["faults"][kind] == before + 1


def test_no_kind_is_left_out():
    assert {*AT_CONNECT, *AT_FRAME, "late-trade", "late-candle"} == set(STREAM_KINDS)


def test_faults_can_be_drawn_from_a_seed_and_leave_the_other_answers_right(client):
    table = dict.fromkeys(["date", "age", "empty-page", "redirect", "reset", "500"], 0.05)
    outcomes = []
    for _ in range(2):
        with Sandbox(now=NOW, speed=0, limit=(1000, 1.0), faults=table, seed=3) as exchange:
            for _ in range(40):
                taken(client, exchange, PAGE)
            outcomes.append([row["fault"] for row in exchange.requests()])
    assert outcomes[0] == outcomes[1]
    assert 4 < sum(fault is not None for fault in outcomes[0]) < 25
