"""`marketkit.compat.ccxt` and ccxt itself on one exchange, and a consumer of such objects."""

from __future__ import annotations

import functools
import inspect

import pytest

from marketkit.sandbox.control import moment

real = pytest.importorskip("ccxt")
pytestmark = pytest.mark.clients

WIDTHS = ["1s", "1m", "3m", "5m", "10m", "15m", "30m", "1h", "4h", "1d", "1w", "1M", "1y"]
PAIRS = ["BTC/KRW", "ETH/BTC", "XRP/USDT"]


@pytest.fixture(scope="module")
def theirs(wire):
    exchange = real.upbit({"enableRateLimit": False})
    exchange.urls["api"] = {
        kind: url.replace("https", "http") for kind, url in exchange.urls["api"].items()
    }
    exchange.hostname = wire.endpoint.removeprefix("http://")
    exchange.load_markets()
    yield exchange
    exchange.session.close()


@pytest.fixture(scope="module")
def ours(wire, tmp_path_factory):
    from marketkit.api.sync import SmartDataProvider
    from marketkit.compat import ccxt

    folder = tmp_path_factory.mktemp("compat")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("MARKETKIT_BUDGET_DIR", str(folder / "budget"))
        with SmartDataProvider(endpoint=wire.endpoint, lake=folder / "lake") as provider:
            yield ccxt.upbit(provider=provider)


def test_markets_and_currencies_are_equal(ours, theirs):
    assert ours.load_markets() == dict(theirs.markets)
    assert ours.symbols == theirs.symbols
    assert ours.ids == theirs.ids
    assert ours.codes == theirs.codes
    assert ours.currencies == dict(theirs.currencies)
    for code, markets in theirs.markets_by_id.items():
        assert [each["symbol"] for each in ours.markets_by_id[code]] == [
            each["symbol"] for each in markets
        ]


def test_facts_are_equal(ours, theirs):
    for name in ("id", "name", "version", "rateLimit", "precisionMode", "commonCurrencies"):
        assert getattr(ours, name) == getattr(theirs, name), name
    assert ours.timeframes == theirs.timeframes
    assert list(ours.countries) == theirs.countries
    for name, can in ours.has.items():
        assert can == theirs.has.get(name) or name == "fetchTime", name
    for width in WIDTHS:
        assert ours.parse_timeframe(width) == theirs.parse_timeframe(width)


def test_calls_take_the_same_arguments(ours, theirs):
    calls = [name for name in dir(type(ours)) if name.startswith(("fetch_", "load_", "parse_"))]
    assert len(calls) > 9
    for name in calls:
        mine = inspect.signature(getattr(ours, name)).parameters.values()
        its = inspect.signature(getattr(theirs, name)).parameters.values()
        assert [each.name for each in mine] == [each.name for each in its], name
        for own, other in zip(mine, its, strict=True):
            assert own.name == "params" or own.default == other.default, name


def test_tickers_are_equal_to_the_last_digit(ours, theirs):
    assert ours.fetch_ticker("BTC/KRW") == theirs.fetch_ticker("BTC/KRW")
    assert ours.fetch_tickers(PAIRS) == theirs.fetch_tickers(PAIRS)
    assert ours.fetch_tickers() == theirs.fetch_tickers()


@pytest.mark.parametrize("limit", [None, 5])
def test_order_books_are_equal_but_for_slots_without_an_order(ours, theirs, limit):
    assert ours.fetch_order_book("BTC/KRW", limit) == theirs.fetch_order_book("BTC/KRW", limit)
    its = theirs.fetch_order_books(PAIRS, limit)
    for book in its.values():  # it takes the zeros of a short side for the best price
        for side in ("bids", "asks"):
            book[side] = [slot for slot in book[side] if slot != [0.0, 0.0]]
    assert ours.fetch_order_books(PAIRS, limit) == its


@pytest.mark.parametrize("limit", [None, 30])
def test_trades_are_equal(ours, theirs, limit):
    trades = theirs.fetch_trades("BTC/KRW", limit=limit)
    assert ours.fetch_trades("BTC/KRW", limit=limit) == trades
    since = trades[-20]["timestamp"]
    its = theirs.fetch_trades("BTC/KRW", since, limit)
    assert ours.fetch_trades("BTC/KRW", since, limit) == its


@pytest.mark.parametrize("width", WIDTHS)
def test_candles_of_every_width_are_equal(ours, theirs, width):
    assert ours.fetch_ohlcv("BTC/KRW", width, limit=150) == theirs.fetch_ohlcv(
        "BTC/KRW", width, limit=150
    )
    since = theirs.fetch_ohlcv("BTC/KRW", width, limit=9)[0][0]
    for limit in (None, 4):
        its = theirs.fetch_ohlcv("BTC/KRW", width, since, limit)
        assert ours.fetch_ohlcv("BTC/KRW", width, since, limit) == its


def test_candles_of_a_thin_market_are_equal(ours, theirs):
    since = moment("2026-11-20T07:00:00")
    for call in (("MK100/KRW", "1m", None, 50), ("MK100/KRW", "1m", since, 60)):
        assert ours.fetch_ohlcv(*call) == theirs.fetch_ohlcv(*call)


def test_helpers_are_equal(ours, theirs):
    assert ours.market("BTC/KRW") == theirs.market("BTC/KRW")
    assert ours.market("KRW-BTC")["symbol"] == theirs.market("KRW-BTC")["symbol"]
    assert ours.market_id("BTC/KRW") == theirs.market_id("BTC/KRW")
    assert ours.fetchOHLCV("BTC/KRW", "1d", limit=3) == theirs.fetchOHLCV("BTC/KRW", "1d", limit=3)
    for time in (0, 1_795_169_836_552, None):
        assert ours.iso8601(time) == theirs.iso8601(time)
    for text in ("2026-11-20T10:17:16.552Z", "2026-11-20T10:17:16+09:00", "nothing"):
        assert ours.parse8601(text) == theirs.parse8601(text)


def test_errors_are_those_of_ccxt_itself(ours, theirs):
    for exchange in (ours, theirs):
        with pytest.raises(real.BadSymbol, match="upbit does not have market symbol NO/KRW"):
            exchange.fetch_ticker("NO/KRW")
        with pytest.raises(real.ExchangeError):
            exchange.fetch_ohlcv("BTC/KRW", "7m")
    from marketkit.api.sync import SmartDataProvider
    from marketkit.compat import ccxt

    assert ccxt.NetworkError is real.NetworkError
    nobody = "127.0.0.1:9"
    with SmartDataProvider(endpoint=f"http://{nobody}", timeout=1.0) as provider:
        mine = ccxt.upbit(provider=provider)
        with pytest.raises(real.NetworkError):
            mine.load_markets()
    gone = real.upbit({"hostname": nobody, "urls": {"api": {"public": "http://{hostname}"}}})
    with pytest.raises(real.NetworkError):
        gone.load_markets()
    gone.session.close()


def test_a_library_over_ccxt_objects_takes_ours(ours, theirs):
    """ccxt-pandas: frames of every call, and histories paged by its own loop."""
    ccxt_pandas = pytest.importorskip("ccxt_pandas")
    import pandas as pd

    utc = functools.partial(pd.Timestamp, tz="UTC")
    mine, its = (ccxt_pandas.CCXTPandasExchange(exchange=each) for each in (ours, theirs))
    assert mine.exchange_name == "upbit"
    days = ("2026-11-19", "2026-11-20")
    day = dict(zip(("from_date", "to_date"), map(utc, days), strict=True))
    calls = [
        ("fetch_ohlcv", {"symbol": "BTC/KRW", "timeframe": "1h", "limit": 20}),
        ("fetch_ohlcv", {"symbol": ["BTC/KRW", "ETH/KRW"], "timeframe": "1h", "limit": 10}),
        ("fetch_ohlcv", {"symbol": "BTC/KRW", "timeframe": "1m", "limit": 200, **day}),
        ("fetch_trades", {"symbol": "BTC/KRW", "limit": 20}),
        ("fetch_order_book", {"symbol": "BTC/KRW", "limit": 5}),
        ("fetch_tickers", {"symbols": PAIRS}),
    ]
    for name, arguments in calls:
        own, other = getattr(mine, name)(**arguments), getattr(its, name)(**arguments)
        assert len(own) > 1
        pd.testing.assert_frame_equal(own.sort_index(axis=1), other.sort_index(axis=1))
    assert len(mine.load_markets()) == 855
    # A page of a thousand is cut to 200 by the exchange, and its loop takes that for the end.
    minutes = {"symbol": "BTC/KRW", "timeframe": "1m", "limit": 1000, **day}
    assert len(mine.fetch_ohlcv(**minutes)) > 1_000 > len(its.fetch_ohlcv(**minutes)) == 200
