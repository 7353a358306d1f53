"""Recorded websocket frames of the real exchange, digit for digit."""

from __future__ import annotations

import json

import pytest

from marketkit.exchange.upbit import frames as upbit_frames
from marketkit.exchange.upbit.messages import Book, Trade
from marketkit.exchange.upbit.stream import Decoder


@pytest.fixture(scope="module")
def session_of_2021(shared) -> list[bytes]:
    """The frames of a session in SIMPLE names, byte for byte."""
    lines = (shared / "fixtures/cryptofeed_2021-04-17/ws_frames.jsonl").read_bytes().splitlines()
    return [line.partition(b'"frame":')[2].strip().removesuffix(b"}") for line in lines]


def test_a_recorded_session_decodes_completely(session_of_2021):
    decoder = Decoder()
    messages = [each for raw in session_of_2021 for each in decoder.decode(raw)]
    trades = [each for each in messages if isinstance(each, Trade)]
    books = [each for each in messages if isinstance(each, Book)]
    assert (len(trades), len(books)) == (304, 145)
    assert upbit_frames.trade_frame(trades).null_count().row(0) == (0,) * 8
    assert upbit_frames.orderbook_frame(books)["depth"].max() == 15


def test_frames_have_the_recorded_numbers(session_of_2021):
    decoder = Decoder()
    for raw in session_of_2021:
        wire = json.loads(raw)
        (message,) = decoder.decode(raw)
        if isinstance(message, Trade):
            row = upbit_frames.trade_frame([message]).row(0, named=True)
            assert row["price"] == wire["tp"]
            assert row["volume"] == wire["tv"]
            assert row["prev_close"] == wire["pcp"]
            assert abs(row["change_price"]) == wire["cp"]
            assert row["sequential_id"] == wire["sid"]
            continue
        frame = upbit_frames.orderbook_frame([message])
        for side, price, size in (("ask", "ap", "as"), ("bid", "bp", "bs")):
            known = [unit for unit in wire["obu"] if unit[price]]
            assert frame[f"{side}_price"].drop_nulls().to_list() == [u[price] for u in known]
            assert frame[f"{side}_size"].drop_nulls().to_list() == [u[size] for u in known]
        assert frame["total_ask_size"][0] == wire["tas"]


# The SIMPLE names of fields that were recorded in the DEFAULT format.
SIMPLE = {
    "type": "ty", "code": "cd", "timestamp": "tms", "stream_type": "st",
    "candle_date_time_utc": "cdttmu", "opening_price": "op", "high_price": "hp",
    "low_price": "lp", "trade_price": "tp", "candle_acc_trade_volume": "catv",
    "candle_acc_trade_price": "catp", "total_ask_size": "tas", "total_bid_size": "tbs",
    "orderbook_units": "obu", "ask_price": "ap", "bid_price": "bp", "ask_size": "as",
    "bid_size": "bs", "level": "lv",
}  # fmt: skip


def simple(raw: bytes) -> bytes:
    """Spell a frame of the DEFAULT format in SIMPLE names; numbers stay as they are written."""
    for long, short in SIMPLE.items():
        raw = raw.replace(f'"{long}":'.encode(), f'"{short}":'.encode())
    return raw


def test_recorded_candles_decode_completely(shared):
    raw = (shared / "fixtures/ws_candle_2026-07-30/frames.jsonl").read_bytes().splitlines()
    decoder = Decoder()
    candles = [each for line in raw for each in decoder.decode(simple(line))]
    assert [each.channel for each in candles].count("candle.1m") == 7
    assert [each.channel for each in candles].count("candle.5m") == 1
    frame = upbit_frames.candle_frame(candles)
    assert frame.height == 8
    assert frame["volume"][:2].to_list() == [0.15511395, 0.8004467]


def test_a_recorded_book_is_the_same_in_both_spellings(shared):
    lines = (shared / "fixtures/probe_2026-09-23/ws_orderbook_default_vs_simple.jsonl").read_bytes()
    long, again, short = lines.splitlines()
    decoder = Decoder()
    books = [each for raw in (simple(long), simple(again), short) for each in decoder.decode(raw)]
    frame = upbit_frames.orderbook_frame(books)
    assert frame["ask_price"][0] == 116_539_000
    assert frame["bid_size"][4] == 7.9276e-4
