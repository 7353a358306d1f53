"""Frames against recorded ones: names, order, spelling."""

from __future__ import annotations

import json
import re

import pytest

from marketkit.sandbox.markets import Market
from marketkit.sandbox.spelling import Spelling
from marketkit.sandbox.stream.framing import Message
from marketkit.sandbox.stream.grammar import CANDLES, Key
from marketkit.sandbox.stream.line import Showcase
from marketkit.sandbox.synthetic import Synthetic
from marketkit.sandbox.tickers import Tickers

NOW = 1_795_169_850_500  # 2026-11-20T10:17:30.500Z
SOURCES = {"KRW-BTC": Synthetic("KRW-BTC", 1, 0), "BTC-XRP": Synthetic("BTC-XRP", 1, 1)}
# Places where the exchange of 2026 sends more than the recording of 2021.
SINCE_2021 = {"bap", "bas", "bbp", "bbs", "lv"}


def shown(channel, symbol="KRW-BTC", *, simple=False, spelling: Spelling = "wire") -> str:
    key = Key(channel, symbol, 30 if channel == "orderbook" else 0)
    message = Showcase(spelling, Tickers()).show(
        key, Market.of(symbol, SOURCES[symbol]), NOW, "SNAPSHOT"
    )
    assert isinstance(message, Message)
    return message.wire("SIMPLE" if simple else "DEFAULT", 0)[4:].decode()


def names(text):
    """Return the names of an object in order, those of list items once."""
    return list(dict.fromkeys(re.findall(r'"(\w+)":', text)))


def shape(text):
    """Return a frame without its texts, and of its numbers only how many places they have."""
    bare = re.sub(r':"[^"]*"', ':""', text)
    return re.sub(r"\d", "9", re.sub(r":\d+", ":9", bare))


def lines(shared, path):
    return (shared / "fixtures" / path).read_text().splitlines()


@pytest.mark.parametrize("channel", ["candle.1m", "candle.5m"])
def test_candles_are_spelled_as_recorded(shared, channel):
    recorded = {shape(line) for line in lines(shared, "ws_candle_2026-07-30/frames.jsonl")}
    assert {shape(shown(channel))} == recorded


def test_books_have_the_recorded_names_and_spellings(shared):
    default, _, simple = lines(shared, "probe_2026-09-23/ws_orderbook_default_vs_simple.jsonl")
    for recorded, ours in (
        (default, shown("orderbook")),
        (simple, shown("orderbook", simple=True)),
    ):
        assert names(ours) == names(recorded)
    first = (
        r'"orderbook_units":\[\{"ask_price":\d\.\d+E8,"bid_price":\d\.\d+E8,"ask_size":\d\.\d{8},'
    )
    assert re.search(first, default)
    assert re.search(first, shown("orderbook"))
    for text in (simple, shown("orderbook", simple=True)):
        assert re.search(r'"obu":\[\{"ap":\d{9},"bp":\d{9},"as":', text)


def test_simple_trades_and_books_have_the_names_of_the_recorded_session(shared):
    recorded = {}
    for line in lines(shared, "cryptofeed_2021-04-17/ws_frames.jsonl"):
        frame = line.partition('"frame":')[2][:-1]
        recorded[json.loads(frame)["ty"]] = frame
    for channel in ("trade", "orderbook"):
        ours = [name for name in names(shown(channel, simple=True)) if name not in SINCE_2021]
        assert ours == names(recorded[channel])


@pytest.mark.parametrize("symbol", list(SOURCES))
@pytest.mark.parametrize("channel", ["ticker", "trade", "orderbook", *CANDLES])
def test_both_formats_and_both_spellings_say_the_same(channel, symbol):
    values = [
        values_of(json.loads(shown(channel, symbol, simple=simple, spelling=spelling)))
        for simple in (False, True)
        for spelling in ("wire", "fraction")
    ]
    assert values[0] == values[1] == values[2] == values[3]


def values_of(value):
    if isinstance(value, dict):
        return [values_of(part) for part in value.values()]
    return [values_of(part) for part in value] if isinstance(value, list) else value


@pytest.mark.parametrize("channel", ["ticker", "trade", "orderbook", *CANDLES])
def test_short_names_are_shorter_and_as_many(channel):
    long, short = names(shown(channel)), names(shown(channel, simple=True))
    assert len(long) == len(short)
    assert all(len(s) < len(name) for s, name in zip(short, long, strict=True))


def test_a_sequential_id_is_an_integer_that_no_double_holds():
    text = shown("trade")
    assert re.search(r'"sequential_id":\d{17},', text)
    assert json.loads(text)["sequential_id"] > 2**53


def test_under_the_fraction_spelling_every_decimal_has_one():
    for channel in ("ticker", "trade", "orderbook", "candle.1m"):
        text = shown(channel, spelling="fraction")
        whole = {"timestamp", "trade_timestamp", "sequential_id"}
        bare = set(re.findall(r'"(\w+)":-?\d+[,}]', text))
        assert bare <= whole
