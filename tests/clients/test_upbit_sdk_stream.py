"""The official SDK's websocket, unmodified but for its address."""

from __future__ import annotations

import asyncio

import pytest

from marketkit.sandbox import Sandbox
from tests.waiting import PATIENCE

upbit = pytest.importorskip("upbit")
pytestmark = pytest.mark.clients

BTC, ETH = "KRW-BTC", "KRW-ETH"
WANTED = {
    "ticker": [BTC, ETH],
    "trade": [BTC],
    "orderbook": [BTC, "KRW-ETH.5"],
    "candle": {"1s": [BTC], "1m": [BTC], "240m": [ETH]},
}
STREAMS = {
    ("ticker", BTC), ("ticker", ETH), ("trade", BTC), ("orderbook", BTC), ("orderbook", ETH),
    ("candle.1s", BTC), ("candle.1m", BTC), ("candle.240m", ETH),
}  # fmt: skip


@pytest.fixture(params=["wire", "fraction"])
def live(request):
    with Sandbox(
        now="2026-11-20T10:17:30.500",
        speed=30,
        limit=(1000, 1.0),
        spelling=request.param,
    ) as exchange:
        yield exchange


def client_of(exchange):
    return upbit.Upbit(base_url=exchange.endpoint, max_retries=0)


def name_of(event):
    return (getattr(event, "type", None) or event.ty, getattr(event, "code", None) or event.cd)


def kind_of(event):
    return getattr(event, "stream_type", None) or event.st


@pytest.mark.parametrize("form", [None, "DEFAULT", "SIMPLE", "JSON_LIST", "SIMPLE_LIST"])
def test_every_stream_arrives_as_the_clients_own_events_in_every_format(live, form):
    snapshots, realtime = set(), set()
    with (
        client_of(live) as client,
        client.ws_stream.subscribe(**WANTED, format=form) as stream,
    ):
        while len(snapshots) < len(STREAMS) or len(realtime) < 5:
            got = stream.recv()
            for event in got if isinstance(got, list) else [got]:
                type(event).model_validate(event.to_dict())
                kinds = {"SNAPSHOT": snapshots, "REALTIME": realtime}
                kinds[kind_of(event)].add(name_of(event))
    assert snapshots == STREAMS
    assert realtime <= STREAMS


@pytest.mark.parametrize("form", ["DEFAULT", "SIMPLE_LIST"])
def test_subscriptions_are_listed_for_it(live, form):
    with client_of(live) as client, client.ws_stream.ticker([BTC, ETH], format=form) as stream:
        listed = stream.list_subscriptions(timeout=PATIENCE)
    (row,) = getattr(listed, "result", None) or listed.rslt
    assert (getattr(row, "codes", None) or row.cds) == [BTC, ETH]


def test_it_comes_back_after_a_reset(live):
    lost = []
    with (
        client_of(live) as client,
        client.ws_stream.subscribe(
            ticker=[BTC], retry_delay=0.0, on_disconnect=lambda: lost.append(1)
        ) as stream,
    ):
        events = iter(stream)
        next(events)
        live.strike("drop")
        while not lost:
            next(events)
        assert kind_of(next(events)) in {"SNAPSHOT", "REALTIME"}
    assert live.connections()[0]["ended"] == "drop"
    assert len(live.connections()) == 2


def test_its_async_client_streams_too(live):
    async def session():
        async with (
            upbit.AsyncUpbit(base_url=live.endpoint, max_retries=0) as client,
            client.ws_stream.trade([BTC]) as stream,
        ):
            return [await stream.recv() for _ in range(4)]

    events = asyncio.run(session())
    assert [kind_of(event) for event in events] == ["SNAPSHOT", *["REALTIME"] * 3]
    numbers = [event.sequential_id for event in events]
    assert numbers == sorted(set(numbers))
