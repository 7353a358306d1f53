"""The sandbox's own endpoints."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest

from marketkit.errors import InputError
from marketkit.sandbox import Sandbox
from marketkit.sandbox.control import is_own, moment, number
from tests.waiting import PATIENCE

NOW = "2026-11-20T10:17:30.500"


def test_the_clock_can_be_read_set_and_sped_up_over_http():
    with (
        Sandbox(now=NOW, speed=0) as exchange,
        httpx.Client(base_url=exchange.endpoint, timeout=PATIENCE) as session,
    ):
        assert session.get("/sandbox/clock").json() == {
            "now": "2026-11-20T10:17:30.500+00:00",
            "ms": moment(NOW),
            "speed": 0,
        }
        reply = session.post("/sandbox/clock", params={"now": "2026-01-01T00:00:00Z", "speed": "0"})
        assert reply.json()["ms"] == exchange.now() == moment("2026-01-01")
        newest = session.get("/v1/candles/minutes/1?market=KRW-BTC").json()[0]
        assert newest["candle_date_time_utc"] == "2025-12-31T23:59:00"
        assert session.post("/sandbox/clock?now=soon").status_code == 400
        exchange.set_clock(speed=1000.0)
        assert session.get("/sandbox/clock").json()["speed"] == 1000.0
        assert session.get("/sandbox/nope").status_code == 404


def test_recent_requests_are_listed(exchange, client):
    client.get("ticker?markets=KRW-ETH")
    latest = client.get("../sandbox/requests").json()[-1]
    assert (latest["path"], latest["query"], latest["status"]) == (
        "/v1/ticker",
        "markets=KRW-ETH",
        200,
    )
    assert latest == exchange.requests()[-1]


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-20T10:17:30.500",
        "2026-11-20T10:17:30.500Z",
        "2026-11-20T19:17:30.500+09:00",
        datetime(2026, 11, 20, 10, 17, 30, 500_000, tzinfo=UTC),
        1_795_169_850_500,
    ],
)
def test_a_moment_is_spelled_in_many_ways(value):
    assert moment(value) == 1_795_169_850_500


@pytest.mark.parametrize(
    ("value", "message"),
    [("soon", "'soon' is no ISO date"), (datetime(2026, 11, 20), "naive")],  # noqa: DTZ001
)
def test_what_names_no_moment_is_refused(value, message):
    with pytest.raises(InputError, match=message):
        moment(value)


def test_a_text_that_is_no_number_is_refused():
    assert number("2.5") == 2.5
    with pytest.raises(InputError, match="'much' is no number"):
        number("much")


OWN = "127.0.0.1:8765"


@pytest.mark.parametrize(
    ("headers", "own"),
    [
        ([(b"host", OWN.encode())], True),
        ([(b"host", OWN.encode()), (b"origin", f"http://{OWN}".encode())], True),
        ([(b"host", OWN.encode()), (b"origin", b"http://127.0.0.1:9999")], False),
        ([(b"host", OWN.encode()), (b"origin", b"null")], False),
        ([(b"host", OWN.encode()), (b"origin", b"")], False),
        ([(b"host", OWN.encode()), (b"origin", f"https://{OWN}".encode())], False),
        (
            [
                (b"host", OWN.encode()),
                (b"origin", f"http://{OWN}".encode()),
                (b"origin", b"http://evil.example"),
            ],
            False,
        ),
        ([(b"host", b"evil.example:8765")], False),
        ([(b"host", b"evil.example")], False),
        ([(b"host", b"localhost:8765")], False),
        ([(b"host", b"127.0.0.1")], False),
        ([(b"host", b"127.0.0.1:8765.evil.example")], False),
        ([(b"host", OWN.encode()), (b"host", b"evil.example")], False),
        ([], False),
    ],
)
def test_a_request_is_own_that_names_the_address_and_no_other_origin(headers, own):
    assert is_own(headers, ("127.0.0.1", 8765)) is own


def test_at_the_default_port_a_host_need_not_name_it():
    assert is_own([(b"host", b"127.0.0.1"), (b"origin", b"http://127.0.0.1")], ("127.0.0.1", 80))


def test_faults_are_ordered_over_http(exchange, client):
    order = {
        "kind": "empty-page",
        "times": "2",
        "after": "1",
        "path": "trades",
        "symbol": "KRW-BTC",
    }
    assert client.post("../sandbox/strike", params=order).json()["empty-page"] == 0
    client.post("../sandbox/strike", params={"kind": "silence", "seconds": "7", "times": "always"})
    assert client.get("../sandbox/strike").json() == [
        {**order, "times": 2, "after": 1, "value": None},
        {
            "kind": "silence", "times": None, "value": "7", "path": None, "symbol": None,
            "after": 0,
        },
    ]  # fmt: skip
    for wrong in (
        {},
        {"kind": "nope"},
        {"kind": "drip", "value": "?"},
        {"kind": "500", "times": "0"},
    ):
        assert client.post("../sandbox/strike", params=wrong).status_code == 400
    client.post("../sandbox/strike?kind=none")
    assert client.get("../sandbox/strike").json() == []
