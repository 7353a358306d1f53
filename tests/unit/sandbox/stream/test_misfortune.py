"""Frames that are large, false, hostile and without end."""

from __future__ import annotations

import json

import pytest
from websockets.exceptions import ConnectionClosedError

from marketkit.sandbox.faulty.sending import MB
from marketkit.sandbox.faulty.text import HOSTILE

BTC = "KRW-BTC"


@pytest.fixture
def listen(exchange, dial):
    """Listen to one market's tickers, with the snapshot heard."""

    def call(**options):
        socket = dial(exchange, **options)
        socket.ask({"type": "ticker", "codes": [BTC]})
        assert socket.hear()["stream_type"] == "SNAPSHOT"
        return socket

    return call


def strike(exchange, kind, **more):
    exchange.strike(kind, **more)
    exchange.advance(60)


def ended(socket):
    """Read until the connection is over, and return why."""
    with pytest.raises(ConnectionClosedError) as error:
        list(iter(socket.raw, None))
    return error.value


def test_a_frame_may_be_stamped_ahead_of_all_others(exchange, listen):
    socket = listen()
    strike(exchange, "future-frame", value=7200)
    first, second = socket.hear(), socket.hear()
    assert first["timestamp"] > exchange.now() + 7_100_000
    assert first["trade_timestamp"] > exchange.now() + 7_100_000
    assert second["timestamp"] <= exchange.now()


def test_an_error_frame_may_have_hostile_text_and_the_stream_goes_on(exchange, listen):
    socket = listen()
    strike(exchange, "hostile-frame")
    assert socket.hear() == {"error": {"name": HOSTILE, "message": HOSTILE}}
    assert socket.hear()["code"] == BTC


def test_a_frame_may_be_as_large_as_it_is_told(exchange, listen):
    socket = listen(max_size=None)
    strike(exchange, "big-frame", value=3)
    assert 3 * MB < len(socket.raw()) < 3 * MB + 100
    assert socket.hear()["code"] == BTC


def test_a_small_frame_may_unpack_into_a_large_one(exchange, listen):
    socket = listen(max_size=None)
    strike(exchange, "frame-bomb", value=8)
    assert json.loads(socket.raw())["text"] == " " * (8 * MB)
    assert exchange.connections()[0]["bytes"] < 64_000
    assert socket.hear()["code"] == BTC


@pytest.mark.parametrize("kind", ["big-frame", "frame-bomb", "endless-frame", "claimed-frame"])
def test_a_client_with_a_bound_gives_up(exchange, listen, kind):
    socket = listen(max_size=MB)
    strike(exchange, kind)
    assert ended(socket).sent.code == 1009
    exchange.strike("none")
    listen()  # the next connection is right
    assert exchange.stats()["faults"][kind] == 1


def test_fragments_come_without_a_last_one_until_the_link_breaks(exchange, listen):
    socket = listen(max_size=None)
    strike(exchange, "endless-frame", value=2)
    assert ended(socket).rcvd is None
    assert exchange.connections()[0]["ended"] == "endless-frame"
