"""JSON rows: fields, their order, their spelling."""

from __future__ import annotations

import json
import re

import httpx
import pytest

from marketkit.sandbox import Sandbox
from tests.waiting import PATIENCE

NOW = "2026-11-20T10:17:30.500"


ENDPOINTS = {
    "get_candles_seconds": "candles/seconds?market=KRW-BTC",
    "get_candles_minutes": "candles/minutes/1?market=KRW-BTC",
    "get_candles_days": "candles/days?market=KRW-BTC",
    "get_candles_weeks": "candles/weeks?market=KRW-BTC",
    "get_candles_months": "candles/months?market=KRW-BTC",
    "get_candles_years": "candles/years?market=KRW-BTC",
    "get_trades": "trades/ticks?market=KRW-BTC",
    "get_tickers": "ticker?markets=KRW-BTC",
    "get_tickers_by_quote": "ticker/all?quote_currencies=USDT",
    "get_orderbooks": "orderbook?markets=KRW-BTC",
    "get_orderbook_instruments": "orderbook/instruments?markets=KRW-BTC",
}


def shape(value):
    """Return the keys of a body in order, all the way down, of the first of each list."""
    if isinstance(value, dict):
        return {key: shape(part) for key, part in value.items()}.items()
    return [shape(part) for part in value[:1]] if isinstance(value, list) else None


@pytest.mark.parametrize("name", list(ENDPOINTS))
def test_fields_come_in_the_order_the_exchange_sends_them(shared, client, name):
    recorded = json.loads((shared / f"fixtures/upbeat_rest_2026-03-11/{name}.json").read_text())[
        "response"
    ]
    ours = client.get(ENDPOINTS[name])
    assert str(shape(ours.json())) == str(shape(recorded["body"]))


def test_market_rows_have_the_recorded_fields(shared, client):
    recorded = json.loads(
        (shared / "fixtures/pycex_2026-08-30/markets_is_details.json").read_text()
    )
    assert str(shape(client.get("market/all?is_details=true").json())) == str(shape(recorded))
    assert (
        client.get("market/all?isDetails=true").content
        == client.get("market/all?is_details=true").content
    )
    assert list(client.get("market/all").json()[0]) == ["market", "korean_name", "english_name"]


def test_candles_trades_and_tickers_have_eight_places_on_the_wire(client):
    for path in ("candles/minutes/1?market=KRW-BTC", "trades/ticks?market=BTC-ETH&days_ago=1"):
        numbers = re.findall(r'(?:price|volume)":(-?[\d.]+)', client.get(path).text)
        assert numbers
        assert all(re.fullmatch(r"-?\d+\.\d{8}", number) for number in numbers)
    text = client.get("candles/days?market=KRW-BTC").text
    assert re.search(r'"change_rate":-?0\.\d{10}\}', text)
    assert re.search(r'"acc_trade_price":\d+\.\d{16},', client.get("ticker?markets=KRW-BTC").text)


def test_an_unchanged_price_has_bare_zeros_on_the_wire(client, exchange):
    rows = client.get("ticker/all?quote_currencies=BTC").text.split("},{")
    even = [row for row in rows if '"EVEN"' in row]
    assert even
    for row in even:
        assert (
            '"change_price":0,"change_rate":0,"signed_change_price":0,"signed_change_rate":0,'
            in row
        )


def test_book_prices_are_whole_numbers_on_the_wire(client):
    text = client.get("orderbook?markets=KRW-BTC&count=1").text
    assert re.search(r'"bid_price":\d+,"bid_size":\d+\.\d{8},"ask_price":\d+,', text)
    assert text.endswith('"level":0}]')
    assert client.get("orderbook?markets=BTC-ETH&level=100").content == b"[]"
    assert client.get("orderbook?markets=KRW-BTC&level=7").content == b"[]"


def test_the_fraction_spelling_gives_every_decimal_a_fraction():
    with Sandbox(now=NOW, speed=0, spelling="fraction", limit=(1000, 1.0)) as exchange:
        for path in ("ticker/all?quote_currencies=BTC", "orderbook?markets=KRW-BTC,BTC-MK100"):
            body = json.loads(
                httpx.get(f"{exchange.endpoint}/v1/{path}", timeout=PATIENCE).text,
                parse_int=lambda text: f"int {text}",
            )
            rows = [*body, *(unit for row in body for unit in row.get("orderbook_units", []))]
            whole = {
                key for row in rows for key, value in row.items() if str(value).startswith("int ")
            }
            assert whole <= {"timestamp", "trade_timestamp"}
