"""One request from its arrival to its answer: limits, faults, travel time."""

from __future__ import annotations

import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import httpx
import pytest

from marketkit.errors import InputError
from marketkit.sandbox import Sandbox, patience
from marketkit.sandbox.synthetic import Synthetic
from marketkit.sandbox.tickers import Tickers
from tests.waiting import PATIENCE

NOW = "2026-11-20T10:17:30.500"


def test_a_request_with_an_origin_counts_in_a_group_of_its_own(client):
    reply = client.get("market/all", headers={"Origin": "https://example.com"})
    assert reply.headers["remaining-req"] == "group=origin; min=6; sec=0"
    assert (
        client.get("ticker?markets=KRW-BTC", headers={"Origin": "https://example.com"}).status_code
        == 429
    )


def test_a_path_that_does_not_exist_is_the_gateways_answer(client):
    for path in ("nope", "candles", "candles/minutes", "candles/days/1", "../v2/ticker"):
        reply = client.get(path)
        assert reply.status_code == 404
        assert reply.json() == {
            "error": {"name": "not_found", "message": "no Route matched with those values"}
        }
        assert "remaining-req" not in reply.headers


def test_the_eleventh_call_of_a_window_is_refused_as_text_by_default():
    limit = {"candles": (10, 60.0)}  # a slow machine may take more than a second
    with (
        Sandbox(now=NOW, speed=0, limit=limit) as exchange,
        httpx.Client(base_url=exchange.endpoint, timeout=PATIENCE) as session,
    ):
        replies = [session.get("/v1/candles/days?market=KRW-BTC") for _ in range(11)]
        assert [reply.status_code for reply in replies] == [200] * 10 + [429]
        assert replies[-1].text == "Too many API requests."
        assert replies[-1].headers["content-type"].startswith("text/plain")
        assert replies[-1].headers["remaining-req"] == "group=candles; min=10; sec=0"
        assert session.get("/v1/market/all").status_code == 200
        stats = session.get("/sandbox/stats").json()
        assert stats == exchange.stats()
        assert stats["groups"]["candles"] == {"requests": 11, "rejected": 1, "worst_1s": 11}
        assert session.post("/sandbox/stats/reset").json()["groups"]["candles"]["requests"] == 0


def test_a_ban_answers_418_and_a_json_body_can_be_asked_for():
    with Sandbox(now=NOW, speed=0, limit=(1, 60.0), ban_after=2, limit_body="json") as exchange:
        replies = [
            httpx.get(f"{exchange.endpoint}/v1/market/all", timeout=PATIENCE) for _ in range(4)
        ]
        assert [reply.status_code for reply in replies] == [200, 429, 429, 418]
        assert replies[1].json()["error"]["name"] == "too_many_requests"
        assert "60 seconds" in replies[3].json()["error"]["message"]


@pytest.mark.parametrize("kind", ["429", "418", "500"])
def test_an_injected_status_is_counted_as_a_fault_and_not_as_a_rejection(kind):
    with Sandbox(now=NOW, speed=0, faults={kind: 1.0}) as exchange:
        assert httpx.get(f"{exchange.endpoint}/v1/market/all", timeout=PATIENCE).status_code == int(
            kind
        )
        stats = exchange.stats()
        assert stats["faults"][kind] == 1
        assert stats["groups"]["market"] == {"requests": 1, "rejected": 0, "worst_1s": 1}
        assert exchange.requests()[0]["fault"] == kind


def test_bodies_can_go_wrong_in_every_way():
    path = "/v1/candles/minutes/1?market=KRW-BTC&count=5"
    with (
        Sandbox(now=NOW, speed=0, limit=(1000, 1.0)) as exchange,
        httpx.Client(base_url=exchange.endpoint, timeout=PATIENCE) as session,
    ):
        good = session.get(path).json()
        exchange.set_faults({"reset": 1.0})
        with pytest.raises(httpx.ReadError):
            session.get(path)
        exchange.set_faults({"truncate": 1.0})
        with pytest.raises(httpx.RemoteProtocolError, match=r"incomplete|without sending complete"):
            session.get(path)
        exchange.set_faults({"badjson": 1.0})
        with pytest.raises(json.JSONDecodeError):
            session.get(path).json()
        exchange.set_faults({"html": 1.0})
        assert session.get(path).headers["content-type"].startswith("text/html")
        exchange.set_faults({"duplicate": 1.0})
        twice = session.get(path).json()
        assert twice == [*good[:3], *good[2:]]
        assert session.post("/sandbox/faults?500=0.5").json() == {"500": 0.5}
        assert session.post("/sandbox/faults").json() == {}
        assert session.get(path).json() == good
        assert session.post("/sandbox/faults?503=1").status_code == 400


def test_a_client_that_leaves_early_is_noticed_and_its_request_still_counts():
    with Sandbox(now=NOW, speed=0, latency_ms=200) as exchange:
        address = urlsplit(exchange.endpoint)
        with socket.create_connection((address.hostname, address.port)) as impatient:
            impatient.sendall(b"GET /v1/market/all HTTP/1.1\r\nHost: x\r\n\r\n")
        # An answer to a later request comes after the earlier one was given up.
        assert (
            httpx.get(
                f"{exchange.endpoint}/v1/candles/days?market=KRW-BTC", timeout=PATIENCE
            ).status_code
            == 200
        )
        assert exchange.stats()["aborted"] == 1
        assert exchange.stats()["groups"]["market"]["requests"] == 1


def test_the_latency_is_the_whole_round_trip():
    with (
        Sandbox(now=NOW, speed=0, latency_ms=60) as exchange,
        httpx.Client(base_url=exchange.endpoint, timeout=PATIENCE) as session,
    ):
        begin = time.monotonic()
        session.get("/v1/market/all")
        done = time.monotonic()
        arrival = exchange.requests()[0]["arrival"]
        assert arrival - begin >= 0.03
        assert done - arrival >= 0.03


def test_a_long_answer_holds_nobody_up_and_its_status_is_known_when_it_is_sent(monkeypatch):
    asked, free = threading.Event(), threading.Event()
    look = Tickers.prepare

    def slow(tickers, sources, now):
        patience.take(3600.0)
        asked.set()
        free.wait(PATIENCE)
        look(tickers, sources, now)

    monkeypatch.setattr(Tickers, "prepare", slow)
    with (
        Sandbox(now=NOW, speed=0) as exchange,
        ThreadPoolExecutor(1) as pool,
        httpx.Client(base_url=exchange.endpoint, timeout=PATIENCE) as session,
    ):
        long = pool.submit(
            httpx.get, f"{exchange.endpoint}/v1/ticker?markets=KRW-BTC", timeout=PATIENCE
        )
        assert asked.wait(PATIENCE)
        assert session.get("/v1/candles/days?market=KRW-BTC").status_code == 200
        assert [each["status"] for each in exchange.requests()] == [None, 200]
        free.set()
        assert long.result().status_code == 200
        assert [each["status"] for each in exchange.requests()] == [200, 200]


def test_the_first_tickers_of_all_markets_do_not_wait_for_each_others_years(monkeypatch):
    alone = []
    monkeypatch.setattr(Synthetic, "extremes", lambda *_: alone.append(1))
    with Sandbox(now=NOW, speed=0) as exchange:
        reply = httpx.get(
            f"{exchange.endpoint}/v1/ticker/all?quote_currencies=KRW", timeout=PATIENCE
        )
    assert len(reply.json()) > 250
    assert not alone


def test_faults_that_are_none_or_are_narrowed_to_nothing_are_refused():
    with Sandbox(now=NOW, speed=0) as exchange:
        with pytest.raises(InputError, match=r"unknown fault 'nope'; there are 429.*, late-candle"):
            exchange.strike("nope")
        for narrow in ({"path": "ticker"}, {"symbol": "KRW-BTC"}):
            with pytest.raises(InputError, match="drop is no fault of requests"):
                exchange.strike("drop", **narrow)
        exchange.strike("500", symbol="krw-btc")
        assert httpx.get(f"{exchange.endpoint}/v1/ticker?markets=KRW-BTC").status_code == 500
