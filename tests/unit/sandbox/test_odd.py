"""Odd rows: the kind, in the row of the market that is named, and all else as it was."""

from __future__ import annotations

import json

import httpx
import pytest
from websockets.sync.client import connect

from marketkit.errors import InputError
from marketkit.sandbox import Sandbox
from marketkit.sandbox.odd import KINDS, Odd, Rule
from tests.waiting import PATIENCE

BTC, ETH = "KRW-BTC", "KRW-ETH"
BOTH = {
    "ticker": f"ticker?markets={BTC},{ETH},KRW-XRP",
    "orderbook": f"orderbook?markets={BTC},{ETH},KRW-XRP",
}
PAGES = {
    "candles": f"candles/minutes/1?market={ETH}&count=5&to=2026-11-20T09:00:00",
    "trades": f"trades/ticks?market={ETH}&count=5",
}
ALL = BOTH | PAGES | {"market": "market/all?is_details=true"}


@pytest.fixture(scope="module")
def exchange():
    """An exchange for the tests of this file, whose clock stands."""
    with Sandbox(now="2026-11-20T10:17:30.500", speed=0, limit=(10_000, 1.0)) as running:
        yield running


@pytest.fixture
def client(exchange):
    """A session with that exchange, after which nothing is odd."""
    with httpx.Client(base_url=exchange.endpoint + "/v1/", timeout=PATIENCE) as session:
        yield session
        exchange.set_odd("none")


def bodies(client, paths=ALL):
    return {name: client.get(path).json() for name, path in paths.items()}


def changed(before, after):
    """Return the rows that differ, by body, where both have as many."""
    return {
        name: [row for old, row in zip(before[name], after[name], strict=True) if row != old]
        for name in before
    }


@pytest.mark.parametrize(("kind", "price"), [("null-price", None), ("zero-price", 0)])
def test_a_price_of_one_row_is_missing_or_zero(exchange, client, kind, price):
    before = bodies(client)
    exchange.set_odd(kind, ETH)
    found = changed(before, bodies(client))
    assert {name: len(rows) for name, rows in found.items()} == {
        "ticker": 1, "orderbook": 1, "candles": 1, "trades": 1, "market": 0,
    }  # fmt: skip
    assert {rows[0]["market"] for rows in found.values() if rows} == {ETH}
    assert found["ticker"][0]["trade_price"] == price
    assert found["orderbook"][0]["orderbook_units"][0]["bid_price"] == price
    assert found["candles"] == [before["candles"][2] | {"trade_price": price}]
    assert found["trades"][0]["trade_price"] == price


def test_words_and_fields_that_nobody_heard_of(exchange, client):
    before = bodies(client)
    exchange.set_odd("unknown-change", ETH)
    found = changed(before, bodies(client))
    assert [row["change"] for row in found.pop("ticker")] == ["UNHEARD_OF"]
    assert not any(found.values())
    exchange.set_odd("none")
    exchange.set_odd("unknown-enum", ETH)
    found = changed(before, bodies(client))
    assert found["trades"][0]["ask_bid"] == "UNHEARD_OF"
    assert found["market"][0]["market_event"]["caution"]["UNHEARD_OF"] is True
    exchange.set_odd("none")
    exchange.set_odd("extra-field", ETH)
    found = changed(before, bodies(client))
    assert [set(rows[0]) - set(before[name][0]) for name, rows in found.items()] == [
        {"unheard_of"}
    ] * 5


def test_a_wrong_market_in_a_row_but_in_the_list_of_markets_only_if_asked(exchange, client):
    before = bodies(client)
    exchange.set_odd("wrong-market", ETH)
    found = changed(before, bodies(client))
    assert found.pop("market") == []
    assert [rows[0]["market"] for rows in found.values()] == ["KRW-ELSEWHERE"] * 4
    exchange.set_odd("wrong-market", ETH, path="market")
    assert [row["market"] for row in changed(before, bodies(client))["market"]] == ["KRW-ELSEWHERE"]


def test_rows_outside_the_window_and_of_the_future_come_before_the_others(exchange, client):
    before = bodies(client)
    exchange.set_odd("outside-window", ETH)
    after = bodies(client)
    (candle, *candles), (trade, *trades) = after["candles"], after["trades"]
    assert candle["candle_date_time_utc"] == "2026-11-23T00:00:00"
    assert candle["candle_date_time_kst"] == "2026-11-23T09:00:00"
    assert trade["trade_date_utc"] == "2026-11-21"
    assert trade["sequential_id"] > before["trades"][0]["sequential_id"]
    assert after | {"candles": candles, "trades": trades} == before
    exchange.set_odd("none")
    exchange.set_odd("future-candle", ETH)
    after = bodies(client)
    assert after["candles"][0]["candle_date_time_utc"] > "3000"
    assert after | {"candles": after["candles"][1:]} == before


def test_unordered_rows_are_the_same_rows(exchange, client):
    before = bodies(client)
    exchange.set_odd("unordered", ETH)
    after = bodies(client)
    for name in PAGES:
        assert after[name] != before[name]
        assert sorted(map(str, after[name])) == sorted(map(str, before[name]))
    assert all(after[name] == before[name] for name in ("ticker", "orderbook", "market"))


def test_without_a_symbol_the_middle_row_is_odd_and_a_path_narrows_it(exchange, client):
    before = bodies(client)
    exchange.set_odd("zero-price", path="ticker")
    found = changed(before, bodies(client))
    assert [row["market"] for row in found.pop("ticker")] == [ETH]
    assert not any(found.values())


def test_odd_codes_are_markets_like_others_until_they_are_forgotten(exchange, client):
    odd = ("KRW-BRK.B", "USDT-币安人生", "KRW-kPEPE")
    for code in (*odd, odd[0]):
        exchange.set_odd("odd-code", code)
    with pytest.raises(InputError, match="'KRW-BTC' is a market already"):
        exchange.set_odd("odd-code", BTC)
    listed = [row["market"] for row in client.get("market/all").json()]
    assert listed[-3:] == list(odd)
    rows = client.get("ticker", params={"markets": ",".join(odd)}).json()
    assert [row["market"] for row in rows] == list(odd)
    assert len(client.get("candles/days?market=KRW-BRK.B&count=200").json()) == 200
    exchange.set_odd("none", "KRW-BRK.B")
    assert client.get("ticker?markets=KRW-BRK.B").status_code == 404
    exchange.set_odd("none")
    assert [row["market"] for row in client.get("market/all").json()] == listed[:-3]


def test_the_streams_of_an_odd_code_end_when_it_is_forgotten(exchange, client):
    url = exchange.endpoint.replace("http", "ws") + "/websocket/v1"
    exchange.set_odd("odd-code", "KRW-BRK.B")
    with connect(url) as socket:
        ask = [{"ticket": "x"}, {"type": "trade", "codes": ["KRW-BRK.B", BTC]}]
        socket.send(json.dumps(ask))
        assert len([socket.recv(timeout=PATIENCE) for _ in range(2)]) == 2
        exchange.set_odd("none")
        exchange.advance(50)
        socket.send(json.dumps([{"ticket": "x"}, {"method": "LIST_SUBSCRIPTIONS"}]))
        rows = []
        while "method" not in (row := json.loads(socket.recv(timeout=PATIENCE))):
            rows.append(row["code"])
        assert set(rows) == {BTC}


def test_frames_of_one_market_are_odd_while_others_go_on(exchange, client):
    url = exchange.endpoint.replace("http", "ws") + "/websocket/v1"
    exchange.set_odd("null-price", ETH, path="stream")
    exchange.set_odd("odd-code", "KRW-BRK.B")
    kinds = ("ticker", "trade", "orderbook", "candle.1m")
    with connect(url) as socket:
        codes = [BTC, ETH, "KRW-BRK.B"]
        parts = [{"type": kind, "codes": codes} for kind in kinds]
        socket.send(json.dumps([{"ticket": "x"}, *parts]))
        rows = [json.loads(socket.recv(timeout=PATIENCE)) for _ in range(12)]
    assert all(len([row for row in rows if row["code"] == code]) == 4 for code in codes)
    for row in rows:
        price = row["orderbook_units"][0]["ask_price"] if "level" in row else row["trade_price"]
        assert (price is None) == (row["code"] == ETH)
    assert client.get(PAGES["trades"]).json()[2]["trade_price"] is not None


@pytest.mark.parametrize(
    ("kind", "frame", "odd"),
    [
        ("unknown-enum", '{"cd":"KRW-A","ms":"ACTIVE","st":"REALTIME"}', '"ms":"UNHEARD_OF"'),
        ("unknown-enum", '{"code":"KRW-A","stream_type":"REALTIME"}', '"stream_type":"UNHEARD_OF"'),
        ("unknown-change", '{"cd":"KRW-A","c":"RISE"}', '"c":"UNHEARD_OF"'),
        ("wrong-market", '{"ty":"trade","cd":"KRW-A"}', '"cd":"KRW-ELSEWHERE"'),
        ("zero-price", '{"cd":"KRW-A","tp":1.5E-7,"tv":2}', '"tp":0,"tv":2'),
        ("extra-field", '{"cd":"KRW-A"}', '"unheard_of":'),
        ("future-candle", '{"cd":"KRW-A","cdttmu":"2026-11-20T10:17:00"}', '"3026-11-20T10'),
    ],
)  # fmt: skip
def test_short_names_are_odd_too(kind, frame, odd):
    rules = Odd()
    rules.add(Rule(kind, "KRW-A"))
    assert odd in rules.frame("KRW-A", frame)
    assert rules.frame("KRW-B", frame) == frame
    json.loads(rules.frame("KRW-A", frame))


def test_rules_can_be_set_and_read_over_http(exchange, client):
    rule = {"kind": "null-price", "symbol": ETH, "path": "ticker"}
    assert client.post("../sandbox/odd", params=rule).json() == [rule]
    client.post("../sandbox/odd", params={"kind": "unordered"})
    assert [each["kind"] for each in client.get("../sandbox/odd").json()] == [
        "null-price", "unordered",
    ]  # fmt: skip
    client.post("../sandbox/odd", params={"kind": "none", "symbol": ETH})
    assert [each["kind"] for each in client.get("../sandbox/odd").json()] == ["unordered"]
    assert client.post("../sandbox/odd?kind=none").json() == []
    for wrong in ("kind=nope", "kind=unordered&path=nope", "kind=odd-code", "symbol=KRW-BTC"):
        assert client.post(f"../sandbox/odd?{wrong}").status_code == 400


def test_every_kind_leaves_an_empty_body_empty():
    for kind in KINDS:
        odd = Odd()
        odd.add(Rule(kind, "KRW-A"))
        assert odd.body("candles", [], 0) == []


def test_a_kind_that_there_is_not_is_refused_with_those_that_there_are():
    with pytest.raises(InputError, match="unknown kind 'odd' of oddness; there are null-price"):
        Odd().add(Rule("odd"))
