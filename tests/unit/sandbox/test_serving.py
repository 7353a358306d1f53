"""The server around the exchange: addresses, and heads of requests."""

from __future__ import annotations

import httpx
import pytest

from marketkit.errors import InputError
from marketkit.sandbox.serving import listen
from tests.waiting import PATIENCE


@pytest.mark.parametrize("length", [8193, 60_000])
def test_a_url_of_more_than_8192_characters_is_too_long_and_counts_nowhere(
    exchange, client, length
):
    before = exchange.stats()["groups"]
    path = "/v1/ticker?markets="
    reply = client.get(path[4:] + "x" * (length - len(path)))
    assert reply.status_code == 414
    assert "remaining-req" not in reply.headers
    assert exchange.stats()["groups"] == before
    assert exchange.requests()[-1]["status"] == 414


def test_a_url_of_8192_characters_is_answered(client):
    path = "/v1/ticker?markets=KRW-BTC&padding="
    assert client.get(path[4:] + "x" * (8192 - len(path))).status_code == 200


def test_every_address_of_a_client_has_limits_of_its_own():
    from marketkit.sandbox import Sandbox

    with (
        Sandbox(now="2026-11-20T10:17:30.500", speed=0, limit=(2, 60.0)) as exchange,
        httpx.Client(base_url=exchange.endpoint, timeout=PATIENCE) as one,
        httpx.Client(
            base_url=exchange.endpoint,
            timeout=PATIENCE,
            transport=httpx.HTTPTransport(local_address="127.0.0.2"),
        ) as other,
    ):
        replies = [(one.get("/v1/market/all"), other.get("/v1/market/all")) for _ in range(3)]
        assert [[each.status_code for each in pair] for pair in replies] == [
            [200, 200], [200, 200], [429, 429],
        ]  # fmt: skip
        counts = exchange.stats()["groups"]["market"]
        assert counts == {"requests": 6, "rejected": 2, "worst_1s": 3}
        assert [row["client"] for row in exchange.requests()][:2] == ["127.0.0.1", "127.0.0.2"]


def test_a_port_that_is_taken_is_named():
    with listen(0) as listener:
        port = listener.getsockname()[1]
        listener.listen()
        with pytest.raises(InputError, match=f"port {port} cannot be used"):
            listen(port)
