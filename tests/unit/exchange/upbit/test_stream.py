"""The websocket's words: requests, frames of messages, and what is refused."""

from __future__ import annotations

import json

import pytest

from marketkit.errors import BadResponse, Refused
from marketkit.exchange.upbit import stream
from marketkit.exchange.upbit.stream import Decoder
from tests.unit.exchange.upbit.test_messages import BOOK, CANDLE, TICKER, TRADE


def test_a_list_holds_any_number_of_messages():
    both = f"[{TICKER},{TRADE}]".encode()
    assert [each.channel for each in Decoder().decode(both)] == ["ticker", "trade"]
    assert list(Decoder().decode(b"[]")) == []


def test_a_heartbeat_is_no_message():
    assert list(Decoder().decode(b'{"status":"UP"}')) == []


def test_an_error_of_the_exchange_is_raised_with_its_name():
    error = '{"error":{"message":"Format 이 맞지 않습니다.","name":"WRONG_FORMAT"}}'
    with pytest.raises(Refused, match="WRONG_FORMAT"):
        Decoder().decode(error.encode())


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"no json",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"ty":"ticker","cd":"KRW-BTC"',
        b'{"ty":"weather"}',
        b'{"ty":"candle","cd":"KRW-BTC"}',
        b'{"ty":"ticker","cd":"KRW-BTC","tms":1,"tp":0}',
        b'{"ty":"ticker","cd":"KRW-BTC","tms":1,"tp":"1"}',
        b"[1]",
        b"7",
        CANDLE.replace("91142000", "91158000").encode(),
    ],
)
def test_what_is_no_documented_frame_is_a_bad_response(raw):
    with pytest.raises(BadResponse):
        Decoder().decode(raw)


def test_a_subscription_names_each_channel_once_with_its_codes():
    text = stream.subscription("t", {"ticker": {"KRW-ETH", "KRW-BTC"}, "candle.1m": {"KRW-BTC"}})
    assert json.loads(text) == [
        {"ticket": "t"},
        {"type": "ticker", "codes": ["KRW-BTC", "KRW-ETH"]},
        {"type": "candle.1m", "codes": ["KRW-BTC"]},
        {"format": "SIMPLE"},
    ]


def test_what_is_no_frame_is_salvaged_in_parts_and_each_fault_has_its_name():
    odd = TRADE.replace("9.9E-7", "null", 1)
    parts = list(Decoder().salvage(f'[{TICKER},{odd},{{"ty":"news"}},7]'.encode()))
    assert parts[0].channel == "ticker"
    assert [(each.channel, each.symbol, each.known) for each in parts[1:]] == [
        ("trade", "BTC-XRP", True),
        ("news", None, False),
        (None, None, True),
    ]


@pytest.mark.parametrize(
    ("raw", "named"),
    [
        (b'{"ty":"ticker","cd":"KRW-BTC","tp":', [("ticker", "KRW-BTC")]),
        (b'{"type": "ticker", "code": "KRW-BTC"}', [("ticker", "KRW-BTC")]),
        (
            b'[{"ty":"trade","cd":"KRW-A"},{"ty":"ticker","cd":"KRW-B"},',
            [(None, "KRW-A"), (None, "KRW-B")],
        ),
        (b'{"ty":"ticker","cd":"KRW-B', [("ticker", None)]),
        (b"no json", [(None, None)]),
        (b"[" * 100_000, [(None, None)]),
        (CANDLE.replace("07:00:00", "99:00:00").encode(), [("candle.60m", "KRW-BTC")]),
        (TICKER.replace("1773240058095", "9" * 30).encode(), [("ticker", "KRW-BTC")]),
    ],
)
def test_a_fault_names_channel_and_symbol_as_far_as_it_can(raw, named):
    with pytest.raises(BadResponse):
        Decoder().decode(raw)
    assert [(each.channel, each.symbol) for each in Decoder().salvage(raw)] == named


def test_books_of_a_level_are_asked_for_with_it_and_tell_it():
    wanted = {"orderbook": ["KRW-BTC.15"], "orderbook.10000": ["KRW-ETH"], "candle.60m": ["KRW-A"]}
    assert json.loads(stream.subscription("t", wanted))[1:-1] == [
        {"type": "orderbook", "codes": ["KRW-BTC.15"]},
        {"type": "orderbook", "codes": ["KRW-ETH"], "level": 10_000},
        {"type": "candle.60m", "codes": ["KRW-A"]},
    ]
    books = [BOOK, BOOK.replace('"lv":0', '"lv":1.0E4'), BOOK.replace(',"lv":0', "")]
    channels = [Decoder().decode(each.encode())[0].channel for each in books]
    assert channels == ["orderbook", "orderbook.10000", "orderbook"]
