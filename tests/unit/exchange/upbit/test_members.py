"""Of a body with odd rows, the other markets' rows are read, and each odd one is named."""

from __future__ import annotations

import json
from functools import partial

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketkit.errors import BadResponse
from marketkit.exchange.upbit import bodies
from marketkit.exchange.upbit.members import read_members

NOW = 1_756_684_980_000
UNIT = {"ask_price": 2.0, "bid_price": 1.0, "ask_size": 3.0, "bid_size": 4.0}
ROWS = {
    "ticker": {"timestamp": NOW, "trade_timestamp": NOW, "trade_price": 1.5, "change": "RISE"},
    "book": {"timestamp": NOW, "orderbook_units": [UNIT]},
    "instrument": {"quote_currency": "KRW", "tick_size": "1", "supported_levels": ["0", "10"]},
    "market": {"korean_name": "하나", "english_name": "One"},
}
DECODE = {
    "ticker": bodies.decode_tickers,
    "book": bodies.decode_orderbooks,
    "instrument": bodies.decode_instruments,
    "market": bodies.decode_markets,
}
ODD = [
    ("ticker", {"trade_price": None}),
    ("ticker", {"trade_price": 0}),
    ("ticker", {"low_price": 0.0}),
    ("ticker", {"trade_price": "cheap"}),
    ("ticker", {"trade_price": float("nan")}),
    ("ticker", {"change": "SIDEWAYS"}),
    ("ticker", {"highest_52_week_date": "2025-13-01"}),
    ("book", {"orderbook_units": None}),
    ("book", {"orderbook_units": [UNIT | {"bid_price": None}]}),
    ("book", {"orderbook_units": [UNIT | {"bid_price": 0}]}),
    ("instrument", {"tick_size": "0"}),
    ("instrument", {"tick_size": "small"}),
    ("instrument", {"supported_levels": ["0", "some"]}),
    ("market", {"market_event": "none"}),
]
NO_HARM = [
    ("ticker", {"market_state": "HALF-OPEN", "new": {"deep": [1]}}),
    ("book", {"level": 0, "new": None}),
    ("instrument", {"new": 1}),
    ("market", {"market_warning": "BEWARE", "market_event": {"warning": True, "new": 1}}),
]


def body(kind, changed, *, of="KRW-B"):
    """Spell three markets' rows, of which one is changed."""
    rows = [{"market": f"KRW-{name}", **ROWS[kind]} for name in "ABC"]
    return json.dumps([row | (changed if row["market"] == of else {}) for row in rows]).encode()


@pytest.mark.parametrize(("kind", "changed"), ODD)
def test_an_odd_row_is_the_failure_of_its_market_alone(kind, changed):
    found = read_members(DECODE[kind], body(kind, changed))
    assert found.rows["symbol"].to_list() == ["KRW-A", "KRW-C"]
    assert list(found.failures) == ["KRW-B"]
    assert isinstance(found.failures["KRW-B"], BadResponse)


@pytest.mark.parametrize(("kind", "changed"), NO_HARM)
def test_what_is_new_and_does_no_harm_is_no_failure(kind, changed):
    found = read_members(DECODE[kind], body(kind, changed))
    assert (found.rows.height, found.failures) == (3, {})


def test_a_book_without_orders_yet_is_no_row_and_no_failure():
    found = read_members(bodies.decode_orderbooks, body("book", {"orderbook_units": []}))
    assert (found.rows["symbol"].to_list(), found.failures) == (["KRW-A", "KRW-C"], {})


@pytest.mark.parametrize("code", [None, "", 5, "KRW", "KRW-*", "KRW-A\n"])
def test_a_market_without_a_code_leaves_the_others_of_the_list(code):
    found = read_members(bodies.decode_markets, body("market", {"market": code}))
    assert found.rows["symbol"].to_list() == ["KRW-A", "KRW-C"]
    assert len(found.failures) == 1


@pytest.mark.parametrize("code", ["USDT-币安人生", "KRW-BRK.B", "KRW-a b", "KRW-A/..", "KRW-A-B"])
def test_an_odd_code_of_the_list_is_a_market_like_others(code):
    found = bodies.decode_markets(body("market", {"market": code}))
    assert found["symbol"].to_list() == ["KRW-A", code, "KRW-C"]
    assert f"{found['quote'][1]}-{found['base'][1]}" == code


@settings(deadline=None)
@given(st.sets(st.integers(0, 30)))
def test_every_odd_row_of_many_is_found_and_no_other(odd):
    rows = [{"market": f"KRW-{at}", **ROWS["ticker"]} for at in range(31)]
    sent = [row | ({"trade_price": -1} if at in odd else {}) for at, row in enumerate(rows)]
    found = read_members(bodies.decode_tickers, json.dumps(sent).encode())
    assert set(found.failures) == {f"KRW-{at}" for at in odd}
    assert found.rows["symbol"].to_list() == [f"KRW-{at}" for at in range(31) if at not in odd]


def test_the_digits_of_the_others_are_kept_as_they_were_written():
    text = body("ticker", {"trade_price": None}).decode().replace("1.5", "0.00000001", 1)
    found = read_members(partial(bodies.decode_tickers, exact=True), text.encode())
    assert found.rows["price"].cast(pl.String).to_list() == ["0.00000001", "1.50000000"]


@pytest.mark.parametrize(
    "text",
    ["", "[", "{}", "[1, 2]", "[null]", "[{}]", "[{}] x", "<html>", '[{"market":"KRW-A"'],
)
def test_what_is_no_array_of_markets_is_refused_as_a_whole(text):
    with pytest.raises(BadResponse):
        read_members(bodies.decode_tickers, text.encode())


def test_a_body_of_nothing_but_odd_rows_is_not_looked_through_for_ever():
    calls = []

    def decode(body):
        calls.append(body)
        if body != b"[]":
            raise BadResponse("odd")
        return bodies.decode_tickers(body)

    sent = json.dumps([{"market": f"KRW-{at}"} for at in range(2_000)]).encode()
    assert len(read_members(decode, sent).failures) == 2_000
    assert len(calls) < 1_300
