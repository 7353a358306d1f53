"""`precision="decimal"` gives every digit that was recorded, all the way from a socket."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import polars as pl
import pytest

from marketkit import schema
from marketkit.api.sync import SmartDataProvider
from tests.realdata.test_recorded_bodies import (
    CANDLE,
    CASSETTES,
    TICKER,
    TRADE,
    body_of,
    numbers_of,
)

MARKETS = '[{"market":"KRW-BTC","korean_name":"비트코인","english_name":"Bitcoin"}]'
LIMITS = dict.fromkeys(("market", "candles", "crix-trades", "ticker", "orderbook"), (10, 0.02))


@contextmanager
def answering(body: str, tmp_path) -> Iterator[SmartDataProvider]:
    """A provider of an exchange that says nothing but `body`, and whose second pages are empty."""

    class Exchange(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        pages = iter([body])

        def do_GET(self):
            said = MARKETS if "market/all" in self.path else next(self.pages, "[]")
            self.send_response(200)
            self.send_header("Content-Length", str(len(said.encode())))
            self.end_headers()
            self.wfile.write(said.encode())

        def date_time_string(self, timestamp=None):  # noqa: ARG002 - as its base
            return "Wed, 11 Mar 2026 14:41:00 GMT"

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Exchange)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    endpoint = f"http://127.0.0.1:{server.server_port}"
    try:
        with SmartDataProvider(endpoint=endpoint, lake=tmp_path, limits=LIMITS) as provider:
            yield provider
    finally:
        server.shutdown()
        server.server_close()


def digits(frame, objects, names, shape):
    """Hold every number of a frame against the text it was written as."""
    assert frame.height == len(objects) > 0
    numbers = [column for column in names if shape[column] == pl.Float64()]
    assert numbers
    for row, said in zip(frame.rows(named=True), objects, strict=True):
        for column in numbers:
            assert isinstance(row[column], Decimal)
            assert row[column] == Decimal(said[names[column]]), column


@pytest.mark.parametrize(
    ("width", "timeframe"),
    [
        ("seconds", "1s"),
        ("minutes", "1m"),
        ("days", "1d"),
        ("weeks", "1w"),
        ("months", "1M"),
        ("years", "1y"),
    ],
)
def test_candles_are_given_to_the_last_digit(shared, tmp_path, width, timeframe):
    text = body_of(shared / CASSETTES / f"get_candles_{width}.json")
    with answering(text, tmp_path) as provider:
        frame = provider.get_candle(
            "KRW-BTC", timeframe, count=1, forming=True, source="exchange", precision="decimal"
        )
    digits(frame, numbers_of(text), CANDLE, schema.CANDLE)


def test_tickers_are_given_to_the_last_digit(shared, tmp_path):
    text = body_of(shared / CASSETTES / "get_tickers.json")
    with answering(text, tmp_path) as provider:
        frame = provider.get_ticker("KRW-BTC", precision="decimal")
    digits(frame, numbers_of(text), TICKER, schema.TICKER)


def test_trades_are_given_to_the_last_digit(shared, tmp_path):
    text = body_of(shared / CASSETTES / "get_trades.json")
    with answering(text, tmp_path) as provider:
        frame = provider.get_trade("KRW-BTC", count=1, precision="decimal")
    digits(frame, numbers_of(text), TRADE, schema.TRADE)


def test_an_order_book_is_given_to_the_last_digit(shared, tmp_path):
    text = body_of(shared / CASSETTES / "get_orderbooks.json")
    with answering(text, tmp_path) as provider:
        frame = provider.get_orderbook("KRW-BTC", depth=30, precision="decimal")
    names = {name: name for name in schema.ORDERBOOK if name not in ("symbol", "time", "depth")}
    objects = [{**book, **unit} for book in numbers_of(text) for unit in book["orderbook_units"]]
    digits(frame, objects, names, schema.ORDERBOOK)
