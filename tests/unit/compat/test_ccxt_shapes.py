"""Rows in the structures of ccxt."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from marketkit import schema
from marketkit.compat import ccxt_shapes as shapes

AT = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
TICKER = {
    **dict.fromkeys(schema.TICKER),
    "symbol": "KRW-A",
    "time": AT,
    "trade_time": AT,
    "price": 101.0,
    "open": 100.0,
    "high": 102.0,
    "low": 99.0,
    "prev_close": 98.0,
    "volume_24h": 3.0,
    "value_24h": 200.0,
}


def market(symbol):
    quote, base = symbol.split("-")
    return {**dict.fromkeys(schema.MARKET), "symbol": symbol, "quote": quote, "base": base}


def test_a_market_is_named_base_first_and_keeps_its_code():
    told = shapes.market(market("KRW-BTC"))
    assert (told["symbol"], told["id"]) == ("BTC/KRW", "KRW-BTC")
    assert (told["maker"], shapes.market(market("BTC-ETH"))["maker"]) == (0.0005, 0.0025)
    assert told["type"] == "spot"
    assert told["linear"] is told["expiry"] is None


def test_a_coin_that_is_another_one_elsewhere_is_renamed():
    told = shapes.market(market("KRW-TON"))
    assert (told["base"], told["baseId"]) == ("Tokamak Network", "TON")


def test_a_tickers_change_goes_by_the_open_of_the_day():
    told = shapes.ticker(TICKER, "A/KRW")
    assert (told["change"], told["percentage"], told["average"]) == (1.0, 1.0, 100.5)
    assert told["vwap"] == pytest.approx(200 / 3)
    assert told["datetime"] == "2026-01-02T03:04:05.678Z"
    assert told["bid"] is told["askVolume"] is None


@pytest.mark.parametrize("opened", [None, 0.0])
def test_without_an_open_there_is_no_change(opened):
    told = shapes.ticker({**TICKER, "open": opened, "volume_24h": 0.0}, "A/KRW")
    names = ("open", "change", "percentage", "average", "vwap")
    assert [told[name] for name in names] == [None] * 5
    assert told["last"] == 101.0


def test_a_side_of_a_book_ends_with_its_orders():
    unit = {"bid_price": 0, "bid_size": 0, "ask_price": 2.0, "ask_size": 1.0}
    book = {"timestamp": 5, "orderbook_units": [{**unit, "bid_price": 1.0, "bid_size": 3.0}, unit]}
    told = shapes.book(book, "A/KRW")
    assert told["bids"] == [[1.0, 3.0]]
    assert told["asks"] == [[2.0, 1.0], [2.0, 1.0]]


def test_a_trade_costs_its_price_times_its_amount_to_the_last_digit():
    row = {
        **dict.fromkeys(schema.TRADE),
        "symbol": "KRW-A",
        "time": AT,
        "price": 0.1,
        "volume": 0.3,
        "side": "ASK",
        "sequential_id": 7,
    }
    told = shapes.trade(row, "A/KRW")
    assert (told["id"], told["side"], told["cost"]) == ("7", "sell", 0.03)


def test_candles_are_lists_of_numbers():
    frame = pl.DataFrame(schema=dict(schema.CANDLE)).clear(1).with_columns(time=AT, close=2.0)
    ((time, *_, close, volume),) = shapes.ohlcv(frame)
    assert (time, close, volume) == (1_767_323_045_678, 2.0, None)


def test_no_moment_has_no_text():
    assert shapes.iso8601(None) is None
    assert shapes.currency("A", "A")["code"] == "A"
