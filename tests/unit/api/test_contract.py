"""A check goes on whatever is wrong, and headers and limits are compared over all answers."""

from __future__ import annotations

import asyncio

import pytest

from marketkit.api import contract
from marketkit.api.contract import Contract
from marketkit.exchange.dialect import Response
from tests.unit.api.conftest import LISTED, market_list

HEADERS = {
    "content-type": "application/json;charset=UTF-8",
    "date": "Wed, 11 Mar 2026 14:40:59 GMT",
    "remaining-req": "group=market; min=600; sec=9",
}


def heard(transport, **changes):
    one = Contract(transport)
    headers = HEADERS | {name.replace("_", "-"): value for name, value in changes.items()}
    one._heard(contract.probes.markets(), Response(200, headers, b"[]", 0))
    return [(each.state, each.check, each.detail) for each in one._answers()]


def test_headers_and_limits_that_are_right_are_good(transport):
    assert heard(transport) == [
        ("good", "live headers", "Remaining-Req, Date and Content-Type are there"),
        ("good", "live limits", "as expected for market"),
    ]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"remaining_req": ""}, "markets: no Remaining-Req"),
        ({"remaining_req": "group=ticker; min=600; sec=9"}, "markets: is counted in ticker"),
        ({"date": "today"}, "markets: no Date"),
        ({"content_type": "text/html"}, "markets: Content-Type is text/html"),
    ],
)
def test_a_header_that_is_wrong_is_bad(transport, changes, said):
    state, check, detail = heard(transport, **changes)[0]
    assert (state, check) == ("bad", "live headers")
    assert detail.startswith(said)


@pytest.mark.parametrize(("left", "state"), [(4, "look"), (29, "note")])
def test_another_limit_is_told(transport, left, state):
    *_, found = heard(transport, remaining_req=f"group=market; min=600; sec={left}")
    assert (found[0], found[1]) == (state, "live limits")


@pytest.mark.parametrize(
    ("body", "rows"),
    [
        (b'[{"a": 1}, 5, null]', [{"a": 1}]),
        (b'{"error": {}}', []),
        (b"5", []),
        (b"null", []),
        (b'"text"', []),
    ],
)
def test_a_body_that_is_no_list_has_no_rows_and_ends_nothing(body, rows):
    assert contract.objects_of(body) == rows


def test_each_answer_that_does_not_come_is_bad_and_the_others_are_asked_for(provider, exchange):
    exchange.bodies["/market/all"] = market_list(LISTED)
    found = provider.doctor(live=True).filter(check_starts("live"))
    bad = found.filter(state="bad")["check"].to_list()
    asked = exchange.paths()
    assert "/ticker/all" in asked
    assert "/candles/years" in asked
    assert {"live all tickers", "live trades", "live candles 1y", "live headers"} <= set(bad)
    assert any(each.startswith("live stream") for each in bad)


def test_without_a_market_nothing_else_is_asked_for(provider, exchange):
    exchange.bodies["/market/all"] = b"[]"
    found = provider.doctor(live=True)
    assert found.filter(check="live markets", state="bad").height
    assert set(exchange.paths()) == {"/market/all"}


def test_nothing_is_sent_offline(offline):
    found = offline.doctor(live=True).filter(check="live markets")
    assert "offline" in found["detail"][0]


def check_starts(text):
    import polars as pl

    return pl.col("check").str.starts_with(text)


def test_a_look_is_awaited_on_the_loop_of_the_transport(transport):
    (found, *_) = asyncio.run(contract.look_at_exchange(transport))
    assert (found.state, found.check) == ("bad", "live markets")
