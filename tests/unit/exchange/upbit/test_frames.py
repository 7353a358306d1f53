"""Frames of messages: columns, types and values of the `get_*` calls."""

from __future__ import annotations

import polars as pl
import pytest

from marketkit import schema
from marketkit.exchange.upbit import frames
from marketkit.exchange.upbit.channels import SPECS
from marketkit.exchange.upbit.messages import Ticker, Trade
from tests.unit.exchange.upbit.test_messages import BOOK, CANDLE, TICKER, TRADE, read


@pytest.mark.parametrize(
    ("frame", "text", "columns"),
    [
        (frames.ticker_frame, TICKER, schema.TICKER),
        (frames.trade_frame, TRADE, schema.TRADE),
        (frames.orderbook_frame, BOOK, schema.ORDERBOOK),
        (frames.candle_frame, CANDLE, schema.ROW),
    ],
)
def test_frames_have_the_columns_of_the_call_also_where_they_have_no_row(frame, text, columns):
    assert dict(frame([read(text)]).schema) == dict(columns)
    assert dict(frame([]).schema) == dict(columns)
    assert frame([]).is_empty()


def test_a_tickers_row_has_the_values_of_the_rest_one():
    row = frames.ticker_frame([read(TICKER)]).row(0, named=True)
    assert row["price"] == 116_500_000
    assert row["signed_change_price"] == -400_000
    assert row["trade_volume"] == 0.0005
    assert row["high_52w_date"].isoformat() == "2025-10-09"


@pytest.mark.parametrize("day", ["null", '"0000-00-00"', '""'])
def test_a_day_that_is_none_is_null(day):
    ticker = read(TICKER.replace('"2025-10-09"', day))
    assert frames.ticker_frame([ticker])["high_52w_date"].to_list() == [None]


def test_a_trades_change_is_signed_as_in_rest():
    frame = frames.trade_frame([read(TRADE)])
    assert frame["change_price"].to_list() == [-1e-8]
    assert frame["sequential_id"].to_list() == [17_732_400_590_950_000]
    assert frame["time"].dt.epoch("ms").to_list() == [1_773_240_059_095]


def test_a_book_is_a_row_a_depth_with_nulls_where_a_side_is_padded():
    frame = frames.orderbook_frame([read(BOOK)])
    assert frame["depth"].to_list() == [1, 2]
    assert frame["ask_price"].to_list() == [116_606_000, 116_609_000]
    assert frame["bid_price"].to_list() == [116_534_000, None]
    assert frame["bid_size"].to_list() == [7.9276e-4, None]
    assert frames.orderbook_frame([read(BOOK)], depth=1).equals(frame.head(1))


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_many_books_are_the_rows_of_each_in_one_piece(monkeypatch, count):
    monkeypatch.setattr(frames, "_BOOKS", 3)
    books = [read(BOOK.replace("KRW-BTC", f"KRW-B{at}")) for at in range(count)]
    frame = frames.orderbook_frame(iter(books))
    assert frame.equals(pl.concat([frames.orderbook_frame([each]) for each in books]))
    assert frame.n_chunks() == 1


def test_a_candle_has_the_time_of_its_slot():
    frame = frames.candle_frame([read(CANDLE)])
    assert frame["time"].dt.epoch("ms").to_list() == [1_785_394_800_000]
    assert frame["value"].to_list() == [14_139_448.26754]


def test_the_table_names_the_columns_that_its_frames_have():
    for spec in SPECS.values():
        assert dict(spec.frame([]).schema) == dict(spec.columns)


def test_a_word_that_nobody_knows_yet_is_null_and_takes_no_other_row_along():
    trades = [
        Trade("KRW-BTC", 1, 1, 2.0, 1.0, side, 1.0, "RISE", 0.5, number)
        for number, side in enumerate(["BID", "NEITHER"])
    ]
    assert frames.trade_frame(trades)["side"].to_list() == ["BID", None]
    tickers = [Ticker("KRW-BTC", 1, 2.0, change=word) for word in ("LIMIT_UP", "FALL")]
    assert frames.ticker_frame(tickers)["change"].to_list() == [None, "FALL"]
