"""What the exchange sent is as documented, and every way of differing is named."""

from __future__ import annotations

import json

import pytest

from marketkit.exchange.upbit import contract
from marketkit.exchange.upbit.contract import compare, disordered, hollow, strangers

RECORDED = {
    "get_candles_seconds": contract.CANDLES["1s"],
    "get_candles_minutes": contract.CANDLES["1m"],
    "get_candles_days": contract.CANDLES["1d"],
    "get_candles_weeks": contract.CANDLES["1w"],
    "get_candles_months": contract.CANDLES["1M"],
    "get_candles_years": contract.CANDLES["1y"],
    "get_orderbook_instruments": contract.LEVELS,
    "get_orderbooks": contract.BOOKS,
    "get_tickers": contract.TICKERS,
    "get_tickers_by_quote": contract.TICKERS,
    "get_trades": contract.TRADES,
}
TRADE = {
    "market": "KRW-BTC", "trade_date_utc": "2026-03-11", "trade_time_utc": "14:40:59",
    "timestamp": 1_773_240_059_095, "trade_price": 103_460_000.0, "trade_volume": 0.004,
    "prev_closing_price": 102_417_000.0, "change_price": -1_043_000.0, "ask_bid": "ASK",
    "sequential_id": 17_732_400_590_950_000,
}  # fmt: skip


def told(rows, shape=contract.TRADES):
    return [(each.severity, each.said) for each in compare(rows, shape)]


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_answers_are_as_documented(shared, name):
    path = shared / "fixtures" / "upbeat_rest_2026-03-11" / f"{name}.json"
    body = json.loads(path.read_text("utf-8"))["response"]["body"]
    rows = json.loads(body) if isinstance(body, str) else body
    assert told(rows, RECORDED[name]) == []


def test_recorded_candles_of_the_stream_are_as_documented(shared):
    path = shared / "fixtures" / "ws_candle_2026-07-30" / "frames.jsonl"
    texts = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    long = set().union(*(set(each.get("frame", each)) for each in texts if isinstance(each, dict)))
    assert long  # the recorded ones are in long names; ours are as many
    assert len(contract.STREAMS["candle"].fields) == 12


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"trade_price": None}, ("bad", "trade_price is null here, not a number above zero")),
        ({"trade_price": 0}, ("bad", "trade_price is 0 here, not a number above zero")),
        ({"trade_price": "1.5"}, ("bad", "trade_price is '1.5' here, not a number above zero")),
        ({"trade_volume": -1}, ("bad", "trade_volume is -1 here, not a number, not negative")),
        ({"timestamp": 1.5}, ("bad", "timestamp is 1.5 here, not a whole number above zero")),
        ({"timestamp": True}, ("bad", "timestamp is True here, not a whole number above zero")),
        ({"ask_bid": None}, ("bad", "ask_bid is null here, not text")),
        ({"ask_bid": "MID"}, ("look", "ask_bid is 'MID' here, which is none of ASK BID")),
        ({"unheard_of": 1}, ("note", "unheard_of is a new field here")),
    ],
)
def test_a_value_that_differs_is_named(change, said):
    assert told([TRADE | change]) == [said]


@pytest.mark.parametrize("name", TRADE)
def test_a_field_that_is_missing_is_a_failure(name):
    row = {key: value for key, value in TRADE.items() if key != name}
    assert told([TRADE, row, row]) == [("bad", f"{name} is missing in 2 of 3")]


def test_a_field_that_other_sites_lack_is_a_note_and_one_that_goes_is_no_news():
    market = {"market": "BTC-ETH", "english_name": "Ether"}
    assert told([market], contract.MARKETS) == [
        ("note", "korean_name is missing here"),
        ("note", "market_event is missing here"),
    ]


def test_what_is_inside_of_objects_and_lists_is_compared_too():
    caution = {"PRICE_FLUCTUATIONS": 1, "NEW_ONE": True}
    event = {"warning": "no", "caution": caution}
    market = {"market": "a", "korean_name": "b", "english_name": "c", "market_event": event}
    said = dict(reversed(each) for each in told([market], contract.MARKETS))
    assert said["market_event.warning is 'no' here, not true or false"] == "bad"
    assert said["market_event.caution.PRICE_FLUCTUATIONS is 1 here, not true or false"] == "bad"
    assert said["market_event.caution.NEW_ONE is a new field here"] == "note"
    assert said["market_event.caution.TRADING_VOLUME_SOARING is missing here"] == "bad"
    book = {"market": "a", "timestamp": 1, "total_ask_size": 1, "total_bid_size": 1, "level": 0}
    assert told([book | {"orderbook_units": [1]}], contract.BOOKS)[0][0] == "bad"


def test_a_price_of_zero_pads_a_side_only_without_a_size():
    padding = {"bid_price": 0, "bid_size": 0, "ask_price": 1.5, "ask_size": 2.0}
    assert list(hollow([{"orderbook_units": [padding]}], "orderbook_units")) == []
    (found,) = hollow([{"orderbook_units": [padding | {"bid_size": 3.0}]}], "orderbook_units")
    assert found.severity == "bad"
    assert list(hollow([{}], "orderbook_units")) == []


def test_markets_nobody_asked_for_and_those_that_lack_are_named():
    rows = [{"market": "KRW-BTC"}, {"market": "KRW-ELSEWHERE"}]
    said = [each.said for each in strangers(rows, "market", ["KRW-BTC", "KRW-ETH"])]
    assert said == [
        "a row of KRW-ELSEWHERE came, and nobody asked for that market",
        "nothing came of KRW-ETH",
    ]


@pytest.mark.parametrize(
    ("times", "said"),
    [
        ([3, 2, 1], []),
        ([2, 3, 1], ["rows are not from the newest to the oldest: 1 are wrong"]),
        ([3, 3, 1], ["1 rows came twice"]),
        ([], []),
    ],
)
def test_the_order_is_from_the_newest_down(times, said):
    assert [each.said for each in disordered(times)] == said
