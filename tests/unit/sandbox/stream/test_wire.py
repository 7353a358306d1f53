"""The handshake of a websocket."""

from __future__ import annotations

import pytest
from websockets.exceptions import InvalidStatus

from marketkit.sandbox import Sandbox, StreamRules

BTC = "KRW-BTC"


def part(kind, *codes, **more):
    return {"type": kind, "codes": list(codes), **more}


def test_another_path_has_no_websocket(exchange):
    from websockets.sync.client import connect

    with pytest.raises(InvalidStatus) as refused:
        connect(exchange.endpoint.replace("http", "ws") + "/websocket/v2")
    assert refused.value.response.status_code == 404


def test_compression_can_be_declined(dial):
    with Sandbox(speed=0, stream=StreamRules(deflate=False)) as exchange:
        socket = dial(exchange)
        assert "Sec-WebSocket-Extensions" not in socket.connection.response.headers
        socket.ask(part("ticker", BTC))
        assert socket.hear()["code"] == BTC
