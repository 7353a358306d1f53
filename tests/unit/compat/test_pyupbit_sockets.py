"""pyupbit's streams give the exchange's messages."""

from __future__ import annotations

import json

import pytest
from websockets.sync.client import connect

from marketkit.api.sync import SmartDataProvider
from marketkit.compat import pyupbit_sockets
from marketkit.compat.pyupbit_sockets import WebSocketClient, WebSocketManager
from marketkit.errors import InputError, UnknownSymbol
from marketkit.sandbox import Sandbox


@pytest.fixture(scope="module")
def moving():
    """An exchange on which time goes on."""
    with Sandbox(seed=1, now="2026-11-20T10:17:30Z", speed=20, limit=(1000, 1.0)) as one:
        yield one


@pytest.fixture(autouse=True)
def _asked(moving, tmp_path, monkeypatch):
    with SmartDataProvider(endpoint=moving.endpoint, lake=tmp_path / "lake") as provider:
        monkeypatch.setattr(pyupbit_sockets, "default_provider", lambda: provider)
        yield


def streamed(exchange, channel):
    """Give a message of the exchange's own."""
    address = exchange.endpoint.replace("http", "ws") + "/websocket/v1"
    with connect(address) as socket:
        asked = {"type": channel, "codes": ["KRW-BTC"], "isOnlyRealtime": True}
        socket.send(json.dumps([{"ticket": "one"}, asked]))
        return json.loads(socket.recv())


def drain(manager):
    """Take messages for as long as there are some."""
    while True:
        manager.get()


@pytest.mark.parametrize("channel", ["ticker", "trade", "orderbook"])
def test_a_message_has_the_fields_of_the_exchanges_own(moving, channel):
    manager = WebSocketManager(channel, ["KRW-BTC"])
    assert not manager.alive
    try:
        told = manager.get()
        assert manager.alive
        assert (told["type"], told["code"]) == (channel, "KRW-BTC")
        own = streamed(moving, channel)
        assert set(told) <= set(own)
        for name, value in told.items():
            assert isinstance(value, int | float) == isinstance(own[name], int | float), name
    finally:
        manager.terminate()
    assert not manager.alive


def test_messages_come_one_after_another_until_the_end():
    manager = WebSocketManager("trade", ["KRW-BTC", "KRW-ETH"])
    numbers = [manager.get()["sequential_id"] for _ in range(5)]
    assert len(set(numbers)) == 5
    manager.terminate()
    with pytest.raises(InputError, match="terminated"):
        drain(manager)


def test_a_client_fills_a_queue_until_that_will_have_no_more():
    class Full(Exception):
        """Enough."""

    class Queue:
        items: list

        def put(self, item):
            self.items.append(item)
            if len(self.items) == 3:
                raise Full

    queue = Queue()
    queue.items = []
    with pytest.raises(Full):
        WebSocketClient("ticker", ["KRW-BTC"], queue)
    assert [each["code"] for each in queue.items] == ["KRW-BTC"] * 3


def test_a_market_that_does_not_exist_is_an_error():
    with pytest.raises(UnknownSymbol, match="KRW-NOTHING"):
        WebSocketManager("ticker", ["KRW-NOTHING"]).get()
