"""One request on the wire: written only while its slot is held."""

from __future__ import annotations

import asyncio
import re
import socket

import httpx
import pytest

from marketkit.errors import InputError, NetworkError, Unreachable
from marketkit.exchange.dialect import Request
from marketkit.net.wire import (
    TurnPassed,
    Wire,
    client_for,
    failure_of,
    host_of,
    usual_address,
)

WRITTEN = "http11.send_request_headers.started"


class Slot:
    """A slot as far as the wire is concerned."""

    def __init__(self, *, held: bool) -> None:
        self._held = held

    def held(self) -> bool:
        """Say whether the machine still counts on it."""
        return self._held


def test_a_request_is_written_when_its_headers_start():
    wire = Wire(Slot(held=True))
    asyncio.run(wire.trace("connection.connect_tcp.started", {}))
    assert not wire.written
    asyncio.run(wire.trace(WRITTEN, {}))
    assert wire.written
    assert wire.started > 0
    assert wire.sent > 0


def test_what_is_waited_for_is_known_at_every_step():
    wire = Wire(Slot(held=True))
    said = [wire.awaited]
    for event in ("connect_tcp", "send_request_headers", "receive_response_headers", "new"):
        asyncio.run(wire.trace(f"http11.{event}.started", {}))
        said.append(wire.awaited)
    assert said == [
        "one of its connections to be free",
        "the connection",
        "the request to be taken",
        "the first byte of the answer",
        "the first byte of the answer",
    ]


def test_a_request_whose_turn_passed_is_not_written():
    wire = Wire(Slot(held=False))
    with pytest.raises(TurnPassed):
        asyncio.run(wire.trace(WRITTEN, {}))
    assert not wire.written


def test_closing_a_connection_resets_it():
    ours, theirs = socket.socketpair()

    class Stream:
        def get_extra_info(self, name: str) -> socket.socket:
            return {"socket": ours}[name]

    with ours, theirs:
        wire = Wire(Slot(held=True))
        asyncio.run(wire.trace("connection.connect_tcp.complete", {"return_value": Stream()}))
        linger = ours.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8)
    assert linger == (1).to_bytes(4, "little") + bytes(4)


@pytest.mark.parametrize(
    ("endpoint", "host"),
    [
        ("https://api.upbit.com", "api.upbit.com"),
        ("http://127.0.0.1:8000/v1", "127.0.0.1_8000"),
        ("http://[::1]:8000/", "127.0.0.1_8000"),
        ("http://[2001:db8::1]:8000/", "2001_db8__1_8000"),
        ("http://10.1:8000", "10.0.0.1_8000"),
        ("https://api.upbit.com.", "api.upbit.com"),
        ("https://API.upbit.com:443", "api.upbit.com"),
    ],
)
def test_a_host_can_be_part_of_a_file_name(endpoint, host):
    assert host_of(endpoint) == host


@pytest.mark.parametrize(
    "spelling",
    [
        *("localhost", "LocalHost", "localhost.", "api.localhost", "127.1", "127.0.0.1."),
        *("0x7f.1", "0177.0.0.1", "2130706433", "127.0.0.2", "0.0", "[::1]", "[::]"),
        *("[::ffff:127.0.0.1]", "user:word@127.0.0.1"),
    ],
)
def test_this_machine_is_one_host_however_it_is_spelled(spelling):
    assert host_of(f"http://{spelling}:8000") == "127.0.0.1_8000"


def test_a_name_that_only_this_machine_has_is_looked_up(monkeypatch):
    addresses = {
        "here": ["127.0.0.1", "::1"],
        "lan": ["10.0.0.7"],
        "both": ["127.0.0.1", "10.0.0.7"],
    }

    def looked_up(name, _port):
        if name not in addresses:
            raise OSError(f"nobody knows {name}")
        return [(0, 0, 0, "", (address, 0)) for address in addresses[name]]

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    assert host_of("http://here:8000") == "127.0.0.1_8000"
    assert host_of("http://lan:8000") == "lan_8000"
    assert host_of("http://both:8000") == "both_8000"
    assert host_of("http://nobody:80/") == "nobody"


@pytest.mark.parametrize(
    ("endpoint", "address", "name"),
    [
        ("http://127.0.0.1:8000", "127.0.0.2", "127.0.0.1_8000-from-127.0.0.2"),
        ("http://localhost:8000", "127.0.0.1", "127.0.0.1_8000"),
        ("http://[::1]:8000", "fd00::7", "127.0.0.1_8000-from-fd00__7"),
        ("https://api.upbit.com", "127.0.0.9", "api.upbit.com-from-127.0.0.9"),
        ("https://api.upbit.com", None, "api.upbit.com"),
    ],
)
def test_an_address_that_nobody_would_leave_from_is_part_of_the_name(endpoint, address, name):
    assert host_of(endpoint, address) == name


def test_the_usual_address_is_that_of_the_way_to_the_host(monkeypatch):
    asked = []

    class Way(socket.socket):
        def connect(self, there):
            asked.append(there[0])

        def getsockname(self):
            return ("10.0.0.7", 5)

    monkeypatch.setattr(socket, "socket", Way)
    assert usual_address("api.upbit.com", "10.0.0.9") == "10.0.0.7"
    assert usual_address("10.0.0.5", "10.0.0.9") == "10.0.0.7"
    assert usual_address("127.0.0.1", "127.0.0.9") == "10.0.0.7"
    assert usual_address("host1", "10.0.0.9") == "10.0.0.7"
    assert usual_address("10.0.0.5", "fd00::9") == "10.0.0.7"
    assert asked == ["192.0.2.1", "10.0.0.5", "127.0.0.1", "192.0.2.1", "2001:db8::1"]
    assert host_of("https://api.upbit.com", "10.0.0.7") == "api.upbit.com"


def test_without_a_way_no_address_is_usual(monkeypatch):
    def none(*_):
        raise OSError("the network is unreachable")

    monkeypatch.setattr(socket, "socket", none)
    assert usual_address("api.upbit.com", "10.0.0.7") is None
    assert host_of("https://api.upbit.com", "10.0.0.7") == "api.upbit.com-from-10.0.0.7"


def test_an_address_is_bound_and_no_proxy_of_the_environment_hides_it(monkeypatch):
    monkeypatch.setenv("ALL_PROXY", "http://proxy.example:3128")
    bound, usual = client_for("http://far.example", "127.0.0.2"), client_for("http://far.example")
    assert [each for each in bound._mounts.values() if each is not None] == []
    assert [each for each in usual._mounts.values() if each is not None] != []
    assert bound._transport._pool._local_address == "127.0.0.2"


@pytest.mark.parametrize(
    "endpoint", ["http://127.0.0.1:port", "http://[::1", "http://", "https:///v1"]
)
def test_an_endpoint_that_names_no_host_is_refused(endpoint):
    with pytest.raises(InputError, match="endpoint"):
        host_of(endpoint)


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (httpx.ConnectError("refused"), Unreachable, "cannot connect to http://x .refused."),
        (httpx.ProxyError("no"), Unreachable, "check the address"),
        (httpx.ReadError(""), NetworkError, "broke .ReadError.; try again"),
    ],
)
def test_what_breaks_on_the_way_becomes_an_error_of_ours(error, kind, words):
    failure = failure_of(error, "http://x")
    assert type(failure) is kind
    assert re.search(words, str(failure))


@pytest.mark.parametrize(
    "params",
    [
        (),
        (("market", "KRW-BTC"), ("to", "2026-10-01T00:00:00Z"), ("count", "200")),
        (("markets", "KRW-BTC,USDT-\u5e01\u5b89,KRW-BRK.B"), ("odd", "a b+c&d=~%/?#")),
    ],
)
def test_a_request_is_built_as_the_client_would(params):
    client, wire = client_for("http://127.0.0.1:9"), Wire(Slot(held=True))
    built = wire.build(client, "http://127.0.0.1:9", Request("/v1/x", params, "candles"))
    usual = client.build_request("GET", "http://127.0.0.1:9/v1/x", params=params)
    assert (built.method, str(built.url)) == (usual.method, str(usual.url).removesuffix("?"))
    assert built.headers == usual.headers
    assert built.extensions == {"trace": wire.trace}


def test_a_client_names_us_and_asks_for_gzip():
    client = client_for("http://127.0.0.1:9")
    assert client.headers["user-agent"].startswith("marketkit/")
    assert client.headers["accept-encoding"] == "gzip"
