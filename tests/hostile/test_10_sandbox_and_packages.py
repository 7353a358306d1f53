"""The sandbox answers whoever started it, and no page of a browser; no package has a known hole."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from marketkit.sandbox import Sandbox
from tests.waiting import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
NEEDED = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
NOW = "2026-11-20T10:17:30.500"
# A page that a browser shows can send these; the last is sent by DNS rebinding, without an Origin.
FOREIGN = [
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://localhost:{port}"},
    {"Origin": "https://127.0.0.1:{port}"},
    {"Origin": "http://127.0.0.1:{port}.evil.example"},
    {"Host": "evil.example:{port}"},
    {"Host": "evil.example"},
    {"Host": "127.0.0.1"},
    {"Host": "127.0.0.1:1"},
    {"Host": "evil.example:{port}", "Origin": "http://evil.example:{port}"},
]
CALLS = [
    ("GET", "stats"),
    ("GET", "requests"),
    ("GET", "nothing"),
    ("POST", "clock?now=2017-01-01"),
    ("POST", "faults?500=1"),
    ("POST", "strike?kind=500&times=always"),
    ("POST", "markets?symbol=KRW-BTC&event=end"),
    ("POST", "odd?kind=null-price"),
    ("POST", "stream?opens=false"),
    ("POST", "stats/reset"),
]
UPGRADE = (
    "Upgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
)


@pytest.fixture
def exchange():
    with Sandbox(now=NOW, speed=0) as running:
        yield running


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_a_foreign_page_learns_nothing_and_changes_nothing(exchange, headers):
    port = urlsplit(exchange.endpoint).port
    sent = {name: value.format(port=port) for name, value in headers.items()}
    with httpx.Client(base_url=exchange.endpoint, headers=sent, timeout=PATIENCE) as page:
        for method, path in CALLS:
            reply = page.request(method, f"/sandbox/{path}")
            assert reply.status_code == 403, path
            assert f"Ask {exchange.endpoint}/sandbox/ by this name" in reply.text
    assert exchange.now() == 1_795_169_850_500
    assert httpx.get(f"{exchange.endpoint}/v1/ticker?markets=KRW-BTC").status_code == 200
    assert httpx.get(f"{exchange.endpoint}/sandbox/strike").json() == []
    assert httpx.get(f"{exchange.endpoint}/sandbox/odd").json() == []
    assert httpx.get(f"{exchange.endpoint}/sandbox/stream").json()["opens"]


def test_whoever_started_it_is_answered_also_from_a_page_of_its_own(exchange):
    for headers in ({}, {"Origin": exchange.endpoint}):
        reply = httpx.get(f"{exchange.endpoint}/sandbox/stats", headers=headers)
        assert reply.json() == exchange.stats()


@pytest.mark.parametrize(
    "head",
    [
        "GET /sandbox/stats HTTP/1.0\r\n\r\n",  # no Host at all
        "GET /sandbox/stats HTTP/1.1\r\nHost: {own}\r\nHost: evil.example\r\n\r\n",
        "GET http://evil.example/sandbox/stats HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        "GET /sandbox/stats HTTP/1.1\r\nHost: {own}@evil.example\r\n\r\n",
        "GET /%73andbox/stats HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        f"GET /sandbox/stats HTTP/1.1\r\nHost: evil.example\r\n{UPGRADE}\r\n",
    ],
)
def test_a_head_that_no_browser_sends_opens_it_neither(exchange, head):
    address = urlsplit(exchange.endpoint)
    with socket.create_connection((address.hostname, address.port), timeout=PATIENCE) as plain:
        plain.sendall(head.format(own=address.netloc).encode())
        answer = plain.recv(1 << 16)
    assert int(answer.split()[1]) in {400, 403, 404}
    assert b"groups" not in answer


def least(package):
    (found,) = (each for each in NEEDED if re.match(rf"{package}\b", each))
    return tuple(map(int, re.search(r">=([\d.]+)", found)[1].split(".")))


def test_locks_follow_no_symlink_to_a_file_of_somebody_else():
    assert least("filelock") >= (3, 20, 3)
    assert tuple(map(int, version("filelock").split(".")[:3])) >= least("filelock")


def test_requests_cache_is_loaded_by_nobody_who_keeps_no_answer():
    code = "import sys, marketkit as mk; mk.SmartDataProvider().close(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert not {"requests_cache", "requests", "cattrs", "attr"} & set(done.stdout.split())
