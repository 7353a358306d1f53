"""Handshakes that are refused, led elsewhere, or never end."""

from __future__ import annotations

import socket
import time
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from marketkit.sandbox import Sandbox
from marketkit.sandbox.faulty.strikes import Fault
from marketkit.sandbox.stream.doorstep import met
from tests.waiting import PATIENCE

HANDSHAKE = (
    "GET /websocket/v1 HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def test_a_refusal_may_say_how_long_to_wait(exchange, dial):
    exchange.strike("refuse", value="1e308")
    with pytest.raises(InvalidStatus) as refused:
        dial(exchange)
    assert refused.value.response.status_code == 429
    assert refused.value.response.headers["Retry-After"] == "1e308"
    assert exchange.stats()["stream"]["refused"] == 1


def test_a_handshake_may_lead_to_another_host(exchange):
    with Sandbox(speed=0) as other:
        exchange.strike("redirect-handshake", value=other.endpoint)
        with connect(exchange.endpoint.replace("http", "ws") + "/websocket/v1"):
            end = time.monotonic() + PATIENCE  # the other server counts after the handshake
            while not other.stats()["stream"]["connections"] and time.monotonic() < end:
                time.sleep(0.01)
            assert other.stats()["stream"]["connections"] == 1
    assert exchange.stats()["groups"]["websocket"]["requests"] == 1


def test_without_a_value_it_leads_to_the_same_server_under_another_name():
    admission = met(Fault("redirect-handshake", ""), 200, 8765)
    assert admission.headers == (("Location", "ws://localhost:8765/websocket/v1"),)


def test_the_limits_go_before_any_fault():
    assert met(Fault("redirect-handshake", ""), 429, 1).status == 429
    assert met(None, 200, 1).status == met(Fault("accept-close", ""), 200, 1).status == 101


def test_a_handshake_without_end_goes_on_as_long_as_it_is_read(exchange, dial):
    exchange.strike("endless-handshake")
    address = urlsplit(exchange.endpoint)
    with socket.create_connection((address.hostname, address.port), timeout=PATIENCE) as plain:
        plain.sendall(HANDSHAKE.format(address.netloc).encode())
        head = b""
        while len(head) < 2_000_000:
            head += plain.recv(1 << 16)
    assert head.startswith(b"HTTP/1.1 101 Switching Protocols\r\nX-More-0: x")
    assert b"\r\n\r\n" not in head
    dial(exchange)  # the next one is right
