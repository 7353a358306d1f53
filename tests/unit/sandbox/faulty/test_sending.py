"""Bodies and heads that swell, drip and never end, over real sockets."""

from __future__ import annotations

import gzip
import json
import socket
import time
import zlib
from urllib.parse import urlsplit

import httpx
import pytest

from marketkit.sandbox.faulty.sending import MB, deflated_with_blanks
from tests.waiting import PATIENCE

PAGE = "candles/minutes/1?market=KRW-BTC&count=9"


@pytest.fixture
def raw(exchange):
    """A bare connection that has asked for the page."""
    address = urlsplit(exchange.endpoint)

    def ask():
        plain = socket.create_connection((address.hostname, address.port), timeout=PATIENCE)
        plain.sendall(f"GET /v1/{PAGE} HTTP/1.1\r\nHost: {address.netloc}\r\n\r\n".encode())
        return plain

    return ask


def read(plain, most):
    """Read until so many bytes have come, or the other side has hung up."""
    data = b""
    while len(data) < most and (part := plain.recv(1 << 16)):
        data += part
    return data


def test_a_bomb_is_small_on_the_wire_right_and_large(exchange, client):
    right = client.get(PAGE).json()
    exchange.strike("gzip-bomb", value=32)
    with client.stream("GET", PAGE) as reply:
        packed = b"".join(reply.iter_raw())
    assert len(packed) < 64_000
    unpacked = gzip.decompress(packed)  # looks at the sums, too
    assert len(unpacked) > 32 * MB
    assert json.loads(unpacked) == right


def test_blanks_make_one_deflated_text_that_may_end_at_a_byte():
    whole = b"".join(deflated_with_blanks(b"[", 2, b"]"))
    assert zlib.decompress(whole, -15) == b"[" + b" " * (2 * MB) + b"]"
    part = b"".join(deflated_with_blanks(b"[", 1, b"]", last=False))
    assert part.endswith(b"\x00\x00\xff\xff")
    assert zlib.decompressobj(-15).decompress(part) == b"[" + b" " * MB + b"]"


def test_a_body_without_end_goes_on_until_the_client_leaves(exchange, client):
    exchange.strike("endless-body")
    with client.stream("GET", PAGE) as reply:
        assert reply.headers["transfer-encoding"] == "chunked"
        parts, read_so_far = reply.iter_raw(), 0
        while read_so_far < 8 * MB:
            read_so_far += len(next(parts))
    assert client.get(PAGE).status_code == 200


def test_a_body_without_end_may_break_off(exchange, client):
    exchange.strike("endless-body", value=1)
    with pytest.raises(httpx.RemoteProtocolError):
        client.get(PAGE)


def test_a_dripping_body_comes_byte_by_byte_and_is_right(exchange, client):
    right = client.get(PAGE).json()
    exchange.strike("drip", value=0)
    with client.stream("GET", PAGE) as reply:
        assert json.loads(b"".join(reply.iter_raw())) == right
    exchange.strike("drip", value=0.05)
    began = time.monotonic()
    with client.stream("GET", PAGE) as reply:
        parts = reply.iter_raw()
        came = sum(len(next(parts)) for _ in range(3))  # who reads late finds several in one
    assert time.monotonic() - began > 0.9 * 0.05 * (came - 1)


def test_a_head_without_end_goes_on_as_long_as_it_is_read(exchange, client, raw):
    exchange.strike("endless-head")
    with raw() as plain:
        head = read(plain, 4 * MB)
    assert head.startswith(b"HTTP/1.1 200 OK\r\nX-More-0: x")
    assert b"\r\n\r\n" not in head
    exchange.strike("endless-head")
    with pytest.raises(httpx.RemoteProtocolError):
        client.get(PAGE)
    assert client.get(PAGE).status_code == 200


def test_the_exchange_stops_while_it_sends_without_end(exchange, raw):
    exchange.strike("endless-body")
    with raw() as plain:
        read(plain, MB)
        began = time.monotonic()
        exchange.close()
        assert time.monotonic() - began < PATIENCE
