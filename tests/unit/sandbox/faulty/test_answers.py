"""Answers in place of data, and headers that are not right."""

from __future__ import annotations

import httpx
import pytest

from marketkit.sandbox import Sandbox
from marketkit.sandbox.faulty.answers import location
from marketkit.sandbox.faulty.text import HOSTILE

PAGE = "candles/minutes/1?market=KRW-BTC&count=9"


@pytest.mark.parametrize("value", ["86400", "1e308", "-1", "nan", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_429_says_to_wait_as_long_as_it_is_told(exchange, client, value):
    exchange.strike("retry-after", value=value)
    reply = client.get(PAGE)
    assert (reply.status_code, reply.headers["retry-after"]) == (429, value)
    assert exchange.stats()["groups"]["candles"]["rejected"] == 0
    assert client.get(PAGE).status_code == 200


def test_a_ban_names_its_seconds(exchange, client):
    exchange.strike("ban", value="9" * 30)
    reply = client.get(PAGE)
    assert reply.status_code == 418
    assert f"{'9' * 30} seconds" in reply.text


def test_a_redirect_leads_to_another_host_with_the_same_path(exchange, client):
    with Sandbox(speed=0) as other:
        exchange.strike("redirect", value=other.endpoint)
        reply = client.get(PAGE, follow_redirects=True)
        assert reply.status_code == 200
        assert other.requests()[0]["query"] == "market=KRW-BTC&count=9"
    exchange.strike("redirect")
    port = exchange.endpoint.rpartition(":")[2]
    assert client.get(PAGE).headers["location"] == f"http://localhost:{port}/v1/{PAGE}"


def test_an_address_with_a_path_is_where_a_redirect_leads():
    assert location("http://a.example", "/b?c=1") == "http://a.example/b?c=1"
    assert location("http://a.example/x", "/b") == "http://a.example/x"
    assert location("/x", "/b") == "/x"


@pytest.mark.parametrize(
    ("kind", "value", "name", "sent"),
    [
        ("date", None, "date", "Fri, 20 Nov 2026 11:17:30 GMT"),
        ("date", -60, "date", "Fri, 20 Nov 2026 10:16:30 GMT"),
        ("date", "Fri, 31 Dec 9999 23:59:59 GMT", "date", "Fri, 31 Dec 9999 23:59:59 GMT"),
        ("date", "9" * 400, "date", "9" * 400),
        ("date", "yesterday", "date", "yesterday"),
        ("age", None, "age", "9" * 5_000),
        ("age", "-1", "age", "-1"),
        ("remaining-req", None, "remaining-req", "group=default; min=1800; sec=" + "9" * 4_000),
        ("header", "Content-Type: text/plain", "content-type", "text/plain"),
        ("header", "X-Title: \x1b[31mred", "x-title", "\x1b[31mred"),
    ],
)
def test_a_header_takes_the_place_of_the_right_one_and_the_body_stays(
    exchange, client, kind, value, name, sent
):
    right = client.get(PAGE)
    exchange.strike(kind, value=value)
    reply = client.get(PAGE)
    assert reply.headers.get_list(name) == [sent]
    assert (reply.status_code, reply.content) == (200, right.content)


def test_an_error_may_have_hostile_text(exchange, client):
    exchange.strike("hostile-error")
    reply = client.get(PAGE)
    assert (reply.status_code, reply.json()["error"]["message"]) == (400, HOSTILE)
    exchange.strike("hostile-error", value="\x1b[2J")
    assert client.get(PAGE).json()["error"]["name"] == "\x1b[2J"


def test_a_wrong_date_comes_with_every_answer_and_other_faults_too(exchange, client):
    exchange.strike("date", times=None)
    exchange.strike("empty-page", path="candles")
    replies = [client.get(PAGE), client.get(PAGE), client.get("market/all")]
    assert {reply.headers["date"] for reply in replies} == {"Fri, 20 Nov 2026 11:17:30 GMT"}
    assert [len(reply.json()) for reply in replies[:2]] == [0, 9]
    assert exchange.requests()[0]["fault"] == "date+empty-page"
    exchange.strike("none")
    assert client.get(PAGE).headers["date"] == "Fri, 20 Nov 2026 10:17:30 GMT"


def test_a_refusal_of_the_limits_uses_no_fault_up():
    with Sandbox(speed=0, limit=(1, 600.0)) as exchange:
        exchange.strike("empty-page", after=1)
        statuses = [httpx.get(f"{exchange.endpoint}/v1/{PAGE}").status_code for _ in range(3)]
        assert statuses == [200, 429, 429]
        assert exchange.stats()["faults"]["empty-page"] == 0
