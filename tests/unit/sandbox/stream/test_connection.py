"""One client of the websocket: its limits, errors, heartbeat and end."""

from __future__ import annotations

import json

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from marketkit.sandbox import Sandbox, StreamRules

BTC = "KRW-BTC"


def part(kind, *codes, **more):
    return {"type": kind, "codes": list(codes), **more}


def close_of(socket):
    """Read until the connection ends; return its close code."""
    while True:
        try:
            socket.raw()
        except ConnectionClosed as ended:
            return ended.rcvd.code if ended.rcvd else 1006


def ends(exchange):
    return [row["ended"] for row in exchange.connections()]


@pytest.mark.parametrize(
    ("message", "name"),
    [
        ("hello", "WRONG_FORMAT"),
        ('{"ticket":"x"}', "WRONG_FORMAT"),
        ([{"type": "ticker", "codes": [BTC]}], "NO_TICKET"),
        ([{"ticket": "x"}], "NO_TYPE"),
        ([{"ticket": "x"}, {"codes": [BTC]}], "NO_TYPE"),
        ([{"ticket": "x"}, {"type": "ticker"}], "NO_CODES"),
        ([{"ticket": "x"}, {"type": "nope", "codes": [BTC]}], "INVALID_PARAM"),
        ([{"ticket": "x"}, {"type": "candle.1d", "codes": [BTC]}], "INVALID_PARAM"),
    ],
)
def test_an_error_is_said_and_then_the_connection_closed(exchange, dial, message, name):
    socket = dial(exchange)
    socket.send(message)
    assert socket.hear()["error"]["name"] == name
    assert close_of(socket) == 1000


def test_error_frames_are_the_recorded_bytes(shared, exchange, dial):
    recorded = json.loads(
        (shared / "fixtures/probe_2026-09-23/rest_and_ws_errors.json").read_text()
    )
    frames = [row["frame"] for row in recorded["ws_text_in_binary_frames"] if "frame" in row]
    asked = ([{"type": "ticker", "codes": [BTC]}], [{"ticket": "x"}, part("nope", BTC)], "hello")
    for message, frame in zip(asked, frames, strict=False):
        socket = dial(exchange)
        socket.send(message)
        assert socket.raw().decode() == frame


def test_ping_is_answered_with_up_every_ten_seconds_and_keeps_the_connection(exchange, dial):
    socket = dial(exchange)
    socket.send("PING")
    assert socket.all() == []
    exchange.advance(8)
    assert socket.all() == [{"status": "UP"}]
    exchange.advance(200)
    assert socket.all() == [{"status": "UP"}] * 20


def test_a_connection_without_traffic_ends_without_a_close_frame(exchange, dial):
    quiet, snapped = dial(exchange), dial(exchange)
    snapped.ask(part("ticker", BTC, is_only_snapshot=True))
    snapped.all()
    exchange.advance(60)
    assert ends(exchange) == [None, None]
    exchange.advance(1)
    assert close_of(quiet) == close_of(snapped) == 1006
    assert ends(exchange) == ["idle", "idle"]


def test_the_sixth_handshake_of_a_second_is_refused(dial):
    with Sandbox(
        now="2026-11-20T10:17:30.500", speed=0, limit={"websocket": (5, 60.0)}
    ) as exchange:
        left = [dial(exchange).connection.response.headers["Remaining-Req"] for _ in range(5)]
        assert left == [f"group=websocket; min=5; sec={n}" for n in (4, 3, 2, 1, 0)]
        with pytest.raises(InvalidStatus) as refused:
            dial(exchange)
        assert refused.value.response.status_code == 429
        assert exchange.stats()["stream"]["refused"] == 1
        assert exchange.stats()["groups"]["websocket"] == {
            "requests": 6,
            "rejected": 1,
            "worst_1s": 6,
        }


def test_a_handshake_with_an_origin_may_come_every_ten_seconds(exchange, dial):
    dial(exchange, origin="https://example.com")
    with pytest.raises(InvalidStatus):
        dial(exchange, origin="https://example.com")


def test_messages_above_the_limit_are_counted_and_served(exchange, dial):
    socket = dial(exchange)
    for _ in range(8):
        socket.ask(part("ticker", BTC))
    assert len(socket.all()) >= 1
    row = exchange.connections()[0]
    assert row["messages"] == 9
    assert 1 <= row["violations"] <= 4  # a slow machine may take more than a second


def test_messages_above_the_limit_can_end_the_connection(dial):
    rules = StreamRules(messages=((2, 60.0),), over_limit="close")
    with Sandbox(now="2026-11-20T10:17:30.500", speed=0, stream=rules) as exchange:
        socket = dial(exchange)
        for _ in range(3):
            socket.ask(part("ticker", BTC))
        assert close_of(socket) == 1008
        assert exchange.stats()["stream"]["violations"] == 1
