"""A websocket client that is only a socket, against an exchange whose clock stands still."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from websockets.sync.client import connect

from marketkit.sandbox import Sandbox
from tests.waiting import PATIENCE

NOW = "2026-11-20T10:17:30.500"


class Socket:
    """What a test says on a websocket, and what it hears."""

    def __init__(self, connection):
        self.connection = connection
        self.form = "DEFAULT"

    def ask(self, *parts, form="DEFAULT", ticket="test"):
        """Send one request."""
        self.form = form
        self.send([{"ticket": ticket}, *parts, {"format": form}])

    def send(self, value):
        """Send anything."""
        self.connection.send(value if isinstance(value, str) else json.dumps(value))

    def raw(self):
        """Return the next message as it came."""
        return self.connection.recv(timeout=PATIENCE)

    def hear(self):
        """Return the next message."""
        return json.loads(self.raw())

    def all(self):
        """Return everything sent before now: all that comes before the answer to a last question."""
        self.send([{"ticket": "end"}, {"method": "LIST_SUBSCRIPTIONS"}, {"format": self.form}])
        heard = []
        while True:
            message = self.hear()
            whole = message[0] if isinstance(message, list) else message
            if "end" in (whole.get("ticket"), whole.get("tckt")):
                return heard
            heard.append(message)


@pytest.fixture
def exchange() -> Iterator[Sandbox]:
    """An exchange whose clock stands until the test moves it."""
    with Sandbox(now=NOW, speed=0, limit={"websocket": (1000, 1.0)}) as running:
        yield running


@pytest.fixture
def dial() -> Iterator[Callable[..., Socket]]:
    """Connect to an exchange; all connections end with the test."""
    with ExitStack() as stack:

        def call(exchange, **options):
            url = exchange.endpoint.replace("http", "ws") + "/websocket/v1"
            return Socket(stack.enter_context(connect(url, **{"max_queue": None, **options})))

        yield call
