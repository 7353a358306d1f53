"""Trades of one market or several, and what is known of each."""

from __future__ import annotations

import polars as pl

from marketkit.coverage import Spans
from marketkit.data.bars.source import Trades

ROWS = pl.LazyFrame({"symbol": ["KRW-BTC", "KRW-ETH"], "price": [1.0, 2.0]})
KNOWN = Spans([(0, 5)])


def test_each_market_has_its_own_trades():
    both = Trades(ROWS, {"KRW-BTC": KNOWN, "KRW-ETH": KNOWN})
    assert both.of("KRW-ETH").collect()["price"].to_list() == [2.0]
    alone = Trades(ROWS.head(1), {"KRW-BTC": KNOWN})
    assert alone.of("KRW-BTC").collect()["price"].to_list() == [1.0]
    assert alone.of("KRW-ETH").collect().is_empty()


def test_a_market_that_is_not_there_is_known_at_no_time():
    assert not Trades(ROWS, {"KRW-BTC": KNOWN}).known("KRW-ETH")
    assert Trades(ROWS, {"KRW-BTC": KNOWN}).known("KRW-BTC") == KNOWN
