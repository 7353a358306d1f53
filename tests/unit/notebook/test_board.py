"""The board has names, prices in full, changes in colour, and the largest turnover first."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

from marketkit.notebook.board import board
from marketkit.notebook.text import Room
from marketkit.schema import TICKER

NAMES = {"KRW-BTC": "비트코인", "KRW-XRP": "리플", "BTC-ETH": "<b>이더리움</b>"}


def tick(symbol, price, rate, turnover):
    told = {"symbol": symbol, "price": price, "signed_change_rate": rate, "value_24h": turnover}
    time = datetime(2026, 11, 20, 0, 0, 1, 250_000, UTC)
    return {**dict.fromkeys(TICKER), **told, "time": time}


TICKERS = pl.DataFrame(
    [
        tick("BTC-ETH", 0.00001234, 0.0, 14.125213),
        tick("KRW-XRP", 3_114.0, -0.0353, 157_831_271_896.3),
        tick("KRW-BTC", 178_345_000.0, 0.0129, 362_952_361_951.2),
        tick("KRW-NEW", None, None, None),
    ],
    schema=dict(TICKER),
)


def test_a_board_is_read_at_a_glance():
    assert board(TICKERS, NAMES, 30, "").text().splitlines() == [
        "4 markets by turnover, 2026-11-20 00:00:01 UTC",
        "  symbol   name                   price  change     turnover 24h",
        "  ───────  ───────────────  ───────────  ──────  ───────────────",
        "  KRW-BTC  비트코인         178,345,000  +1.29%  362,952,361,951",
        "  KRW-XRP  리플                   3,114  -3.53%  157,831,271,896",
        "  KRW-NEW                             -       -                -",
        "  BTC-ETH  <b>이더리움</b>   0.00001234   0.00%        14.125213",
    ]


def test_rows_are_those_with_the_largest_turnover_of_each_quote_currency():
    shown = board(TICKERS, NAMES, 1, "")
    assert shown.tables[0].columns[0].cells == ("KRW-BTC", "BTC-ETH")
    assert shown.title.startswith("2 of 4 markets by turnover")
    assert board(TICKERS, NAMES, None, "").tables[0].height == 4


def test_up_is_red_and_down_is_blue_as_in_korea():
    text = board(TICKERS, NAMES, 30, "").text(Room(colors=True))
    assert "\x1b[31m+1.29%\x1b[0m" in text
    assert "\x1b[94m      3,114\x1b[0m" in text
    assert " 0.00%  " in text


def test_a_board_says_what_keeps_it_from_being_current_and_escapes_all():
    shown = board(TICKERS, NAMES, 30, "HTTP 429 <script>")
    assert "state        HTTP 429" in shown.text()
    assert "<script>" not in shown.html()
    assert "<b>" not in shown.html()


def test_a_board_without_prices_is_empty_and_no_failure():
    assert board(TICKERS.head(0), {}, 30, "").text().startswith("0 markets by turnover\n")
