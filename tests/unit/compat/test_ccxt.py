"""The exchange object, without ccxt; equality with ccxt itself is in tests/clients."""

from __future__ import annotations

import subprocess
import sys

import pytest

from marketkit.api.sync import SmartDataProvider
from marketkit.compat import ccxt, ccxt_base
from marketkit.sandbox.control import moment


@pytest.fixture
def exchange_object(exchange, tmp_path):
    with SmartDataProvider(endpoint=exchange.endpoint, lake=tmp_path / "lake") as provider:
        yield ccxt.upbit({"enableRateLimit": True}, provider=provider)


def test_markets_are_loaded_once_and_by_every_name(exchange_object):
    assert exchange_object.markets is exchange_object.symbols is None
    markets = exchange_object.load_markets()
    assert exchange_object.loadMarkets() is markets is exchange_object.markets
    assert exchange_object.load_markets(reload=True) == markets
    assert exchange_object.market("KRW-BTC") is exchange_object.market("BTC/KRW")
    assert exchange_object.market_id("ETH/BTC") == "BTC-ETH"
    assert exchange_object.symbols == sorted(markets)
    assert "KRW" in exchange_object.codes
    assert exchange_object.currencies["BTC"]["id"] == "BTC"


def test_more_candles_come_than_a_request_has(exchange_object):
    rows = exchange_object.fetch_ohlcv("BTC/KRW", "1m", limit=450)
    assert len(rows) == 450
    assert [row[0] for row in rows] == sorted(row[0] for row in rows)


def test_candles_go_on_from_the_end_of_those_before(exchange_object):
    since, seen = moment("2026-11-19T00:00:00"), []
    for _ in range(3):
        rows = exchange_object.fetch_ohlcv("BTC/KRW", "1h", since, 5)
        seen += [row[0] for row in rows]
        since = seen[-1] + 1
    assert seen == [moment("2026-11-19T00:00:00") + hour * 3_600_000 for hour in range(15)]


def test_candles_end_before_a_moment(exchange_object):
    until = moment("2026-11-19T12:00:00")
    rows = exchange_object.fetch_ohlcv("BTC/KRW", "1h", limit=3, params={"until": until})
    assert [row[0] for row in rows] == [until - hour * 3_600_000 for hour in (3, 2, 1)]
    since = until - 2 * 3_600_000
    rows = exchange_object.fetch_ohlcv("BTC/KRW", "1h", since, 9, {"until": until})
    assert [row[0] for row in rows] == [since, since + 3_600_000]


def test_the_future_has_no_candles(exchange_object):
    assert exchange_object.fetch_ohlcv("BTC/KRW", "1d", since=4_102_444_800_000) == []


def test_trades_since_a_moment_are_the_first_ones(exchange_object):
    newest = exchange_object.fetch_trades("BTC/KRW", limit=50)
    some = exchange_object.fetch_trades("BTC/KRW", newest[10]["timestamp"], 5)
    assert [each["id"] for each in some] == [each["id"] for each in newest[10:15]]


def test_candles_that_are_final_are_asked_for_once(exchange_object, exchange):
    asked = ("BTC/KRW", "1d", moment("2026-11-01T00:00:00"), 5)
    rows = exchange_object.fetch_ohlcv(*asked)
    before = len(exchange.requests())
    assert exchange_object.fetch_ohlcv(*asked) == rows
    assert len(exchange.requests()) == before


def test_the_time_is_the_exchanges(exchange_object):
    now = moment("2026-11-20T10:17:30")
    assert now <= exchange_object.milliseconds() < now + 60_000
    assert exchange_object.seconds() == exchange_object.fetch_time() // 1_000


def test_errors_have_the_names_of_ccxt(exchange_object):
    with pytest.raises(ccxt.BadSymbol, match="upbit does not have market symbol NO/KRW"):
        exchange_object.fetch_ticker("NO/KRW")
    with pytest.raises(ccxt.BadRequest, match="unknown timeframe"):
        exchange_object.fetch_ohlcv("BTC/KRW", "7m")
    assert issubclass(ccxt.RateLimitExceeded, ccxt.NetworkError)
    with pytest.raises(AttributeError, match="binance"):
        _ = ccxt.binance


def test_the_default_provider_answers_where_none_is_given(exchange_object, monkeypatch):
    monkeypatch.setattr(ccxt_base, "default_provider", lambda: exchange_object._provider)
    one = ccxt.upbit()
    assert one.fetch_order_book("BTC/KRW", 3)["asks"][0]
    assert isinstance(one, ccxt.Exchange)
    assert repr(one) == repr(exchange_object)
    one.close()


def test_ccxt_is_not_imported_for_it():
    code = (
        "import sys; from marketkit.compat import ccxt; ccxt.upbit(); print('ccxt' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "False\n"
