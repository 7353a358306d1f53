"""The websocket's words: requests, frames of messages, and what is refused."""

from __future__ import annotations

import json

import pytest

from marketkit.errors import BadResponse, Refused
from marketkit.exchange.upbit import stream
from marketkit.exchange.upbit.stream import Decoder
from tests.unit.exchange.upbit.test_messages import CANDLE, TICKER, TRADE


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
