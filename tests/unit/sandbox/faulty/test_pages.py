"""Pages that are not the right ones."""

from __future__ import annotations

import pytest

from marketkit.sandbox.faulty.pages import paged, repeated
from marketkit.sandbox.faulty.strikes import Fault
from marketkit.sandbox.faulty.text import HOSTILE

PAGE = "candles/minutes/1?market=KRW-BTC&count=9"


@pytest.fixture
def right(client):
    return client.get(PAGE).json()


def test_a_repeated_row_keeps_the_page_contiguous_and_within_its_size():
    assert repeated(["a", "b", "c"], most=200) == ["a", "b", "b", "c"]
    assert repeated(["a", "b", "c"], most=3) == ["a", "b", "b"]
    assert repeated([], most=3) == []


def test_faults_of_a_page_add_up():
    answer = paged(
        lambda _query, _now: list("abcdef"), [Fault("short-page", "5"), Fault("holed-page", "1")]
    )
    assert answer(None, 0) == ["a", "b", "d", "e"]


def test_an_empty_page_is_a_right_answer_but_for_its_rows(exchange, client, right):
    exchange.strike("empty-page", path="candles", after=1)
    assert client.get(PAGE).json() == right
    reply = client.get(PAGE)
    assert (reply.status_code, reply.json()) == (200, [])
    assert "remaining-req" in reply.headers
    assert client.get(PAGE).json() == right
    assert [row["fault"] for row in exchange.requests()] == [None, None, "empty-page", None]


def test_a_short_page_lacks_the_oldest_rows_and_one_with_a_hole_those_between(
    exchange, client, right
):
    exchange.strike("short-page", value=2)
    assert client.get(PAGE).json() == right[:2]
    exchange.strike("short-page")
    assert client.get(PAGE).json() == right[:4]
    exchange.strike("holed-page")
    assert client.get(PAGE).json() == [*right[:3], *right[6:]]


def test_a_stale_page_is_what_was_right_some_time_ago(exchange, client, right):
    exchange.strike("stale-page", value=3600)
    stale = client.get(PAGE).json()
    exchange.advance(-3600)
    assert stale == client.get(PAGE).json() != right


def test_hostile_names_are_those_of_markets(exchange, client):
    exchange.strike("hostile-names", times=None)
    row = client.get("market/all").json()[0]
    assert row["korean_name"].startswith(HOSTILE)
    assert row["english_name"].startswith(HOSTILE)
    assert row["market"].startswith("KRW-")
    assert client.get(PAGE).status_code == 200
    assert exchange.stats()["faults"]["hostile-names"] == 1
