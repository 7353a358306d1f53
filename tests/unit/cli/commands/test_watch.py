"""`marketkit watch`: the columns that people read."""

from __future__ import annotations

import polars as pl
import pytest

from marketkit import schema
from marketkit.cli.commands.watch import readable


@pytest.mark.parametrize(
    ("channel", "columns"),
    [
        ("ticker", schema.TICKER),
        ("trade", schema.TRADE),
        ("orderbook", schema.ORDERBOOK),
        ("candle.1m", schema.CANDLE),
    ],
)
def test_a_frame_of_each_channel_has_the_columns_that_are_shown(channel, columns):
    shown = readable(schema.empty(columns), channel)
    assert shown.columns[:2] == ["time", "symbol"]
    assert 5 <= shown.width <= 8


def test_of_a_book_only_the_best_prices_are_shown():
    book = pl.DataFrame(
        {"symbol": ["KRW-BTC"] * 2, "depth": [1, 2], "bid_price": [10.0, 9.0], "bid_size": 1.0,
         "ask_price": [11.0, 12.0], "ask_size": 2.0, "time": 0},
    )  # fmt: skip
    assert readable(book, "orderbook").rows() == [(0, "KRW-BTC", 1.0, 10.0, 11.0, 2.0)]


@pytest.mark.parametrize(
    "wrong", [("--count", "0"), ("--max-time", "0s"), ("--max-time", "5"), ("--count", "many")]
)
def test_a_count_and_a_time_are_above_zero(run, wrong):
    with pytest.raises(SystemExit) as ended:
        run("watch", "KRW-BTC", *wrong)
    assert ended.value.code == 2


def test_the_old_name_of_an_option_says_the_new_one(run, capsys):
    with pytest.raises(SystemExit):
        run("watch", "KRW-BTC", "--seconds", "5")
    assert "is called --max-time now: --max-time 5s" in capsys.readouterr().err
