"""Silent markets, links that break, and a door that stays shut."""

from __future__ import annotations

import json

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from marketkit.errors import InputError
from marketkit.sandbox.stream.switches import Setting, Switches
from tests.waiting import PATIENCE

BTC, ETH = "KRW-BTC", "KRW-ETH"
KINDS = ("ticker", "trade", "orderbook", "candle.1m")


def ask(socket, *codes):
    socket.ask(*({"type": kind, "codes": list(codes)} for kind in KINDS))
    return socket.all()


def codes(rows):
    return {row["code"] for row in rows}


def test_one_market_falls_silent_while_the_others_go_on(exchange, dial):
    socket = dial(exchange)
    ask(socket, BTC, ETH)
    exchange.set_stream(ETH, silent=True)
    for _ in range(3):
        exchange.advance(30)
    rows = socket.all()
    assert codes(rows) == {BTC}
    assert {row["type"] for row in rows} == set(KINDS)
    assert codes(ask(dial(exchange), BTC, ETH)) == {BTC}
    exchange.set_stream(ETH, silent=False)
    exchange.advance(30)
    rows = [row for row in socket.all() if row["code"] == ETH]
    assert {row["type"] for row in rows} == set(KINDS)


def test_every_market_can_be_silent(exchange, dial):
    socket = dial(exchange)
    ask(socket, BTC, ETH)
    exchange.set_stream(silent=True)
    exchange.advance(30)
    assert socket.all() == []
    exchange.set_stream(silent=False)
    exchange.advance(30)
    assert codes(socket.all()) == {BTC, ETH}


def test_links_break_after_so_many_real_seconds_each(exchange, dial):
    open_before = dial(exchange)
    exchange.set_stream(break_every=0.05)
    for socket in (open_before, dial(exchange)):
        with pytest.raises(ConnectionClosed):
            socket.raw()
    assert [row["ended"] for row in exchange.connections()] == ["break", "break"]
    exchange.set_stream(break_every=60)
    patient = dial(exchange)
    exchange.set_stream(break_every=0)
    assert ask(patient, BTC)


def test_a_handshake_gets_no_answer_until_the_door_opens(exchange, dial):
    exchange.set_stream(opens=False)
    with pytest.raises(TimeoutError):
        dial(exchange, open_timeout=0.2)
    assert httpx.get(f"{exchange.endpoint}/v1/market/all", timeout=PATIENCE).status_code == 200
    exchange.set_stream(opens=True)
    assert ask(dial(exchange), BTC)


@pytest.mark.parametrize("form", ["DEFAULT", "SIMPLE", "JSON_LIST"])
def test_a_frame_of_an_unknown_type_comes_before_one_that_is_known(exchange, dial, form):
    socket = dial(exchange)
    socket.ask({"type": "trade", "codes": [BTC]}, form=form)
    socket.all()
    exchange.strike("unknown-frame")
    exchange.advance(30)
    first, *others = socket.all()
    first = first[0] if form == "JSON_LIST" else first
    assert first == {"ty" if form == "SIMPLE" else "type": "announcement", "id": 7}
    assert others


def test_an_odd_frame_is_no_json_and_names_no_market(exchange, dial):
    socket = dial(exchange)
    socket.ask({"type": "trade", "codes": [BTC]})
    socket.all()
    exchange.strike("odd-frame")
    exchange.advance(30)
    odd = socket.raw()
    assert b"KRW" not in odd
    with pytest.raises(json.JSONDecodeError):
        json.loads(odd)
    assert codes(socket.all()) == {BTC}


def test_switches_can_be_turned_and_read_over_http(exchange):
    url = f"{exchange.endpoint}/sandbox/stream"
    post = {"symbol": ETH, "silent": "true", "break_every": "20"}
    state = {"silent": [ETH], "break_every": 20.0, "opens": True}
    assert httpx.post(url, params=post).json() == httpx.get(url).json() == state
    assert httpx.post(url, params={"symbol": ETH, "silent": "false", "opens": "False"}).json() == {
        "silent": [], "break_every": 20.0, "opens": False,
    }  # fmt: skip
    for wrong in ({"silent": "perhaps"}, {"break_every": "-1"}, {"break_every": "x"}):
        assert httpx.post(url, params=wrong).status_code == 400


def test_a_switch_that_makes_no_sense_is_refused():
    with pytest.raises(InputError, match=r"break_every -1 is not 0 or more"):
        Switches().apply(Setting(break_every=-1), [])
