"""The quotation functions of pyupbit and of `marketkit.compat.pyupbit` on one exchange."""

from __future__ import annotations

import inspect

import pytest

pytest.importorskip("pyupbit")
pytestmark = [
    pytest.mark.clients,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # it closes no connection
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
INTERVALS = [
    *("day", "days", "week", "month", "minute1", "minutes3", "minute5", "minute10", "minute15"),
    *("minute30", "minute60", "minute240"),
]


def same(one, other) -> None:
    import pandas as pd

    pd.testing.assert_frame_equal(one, other, check_freq=False)


@pytest.mark.parametrize("interval", INTERVALS)
def test_candles_are_equal(ours, theirs, interval):
    to = "2026-11-20 10:00:00"
    arguments = {"interval": interval, "count": 25, "to": to, "period": 0}
    same(ours.get_ohlcv("KRW-BTC", **arguments), theirs.get_ohlcv("KRW-BTC", **arguments))


@pytest.mark.parametrize(
    "to", ["20261118", "2026/11/18 05:00", "2026-11-18T05:00:00", "Nov 18 2026"]
)
def test_times_are_read_alike(ours, theirs, to):
    arguments = {"count": 3, "to": to, "period": 0}
    same(ours.get_ohlcv("KRW-BTC", **arguments), theirs.get_ohlcv("KRW-BTC", **arguments))


def test_candles_of_more_than_one_page_of_a_thin_market_are_equal(ours, theirs):
    call = ("KRW-MK100", "minute1", 450, "2026-11-20 10:00:00", 0)
    same(ours.get_ohlcv(*call), theirs.get_ohlcv(*call))


def test_the_candle_that_is_not_finished_is_the_last_one(ours, theirs, wire):
    from datetime import UTC, datetime

    now = datetime.fromtimestamp(wire.now() / 1000, UTC).replace(tzinfo=None)
    same(
        ours.get_ohlcv("KRW-ETH", "minute5", 7),
        theirs.get_ohlcv("KRW-ETH", "minute5", 7, to=now, period=0),
    )


def test_candles_from_a_korean_day_on_are_equal(ours, theirs):
    call = {"fromDatetime": "2026-10-01", "to": "2026-11-01", "period": 0}
    same(
        ours.get_ohlcv_from("KRW-BTC", "day", **call),
        theirs.get_ohlcv_from("KRW-BTC", "day", **call),
    )


def test_prices_books_and_markets_are_equal(ours, theirs):
    codes = ["KRW-BTC", "BTC-ETH", "KRW-SHIB"]
    assert ours.get_current_price("KRW-BTC") == theirs.get_current_price("KRW-BTC")
    assert ours.get_current_price(codes) == theirs.get_current_price(codes)
    for one, other in zip(
        ours.get_current_price(codes, verbose=True),
        theirs.get_current_price(codes, verbose=True),
        strict=True,
    ):
        assert one == other
    assert ours.get_orderbook("KRW-BTC") == theirs.get_orderbook("KRW-BTC")
    for one, other in zip(ours.get_orderbook(codes), theirs.get_orderbook(codes), strict=True):
        assert one == other
    assert ours.get_tickers() == sorted(theirs.get_tickers())
    assert ours.get_tickers("USDT") == sorted(theirs.get_tickers("USDT"))
    details = sorted(theirs.get_tickers("KRW", is_details=True), key=lambda row: row["market"])
    assert ours.get_tickers("KRW", is_details=True) == details


def test_the_rest_of_the_budget_is_told_in_the_same_words(ours, theirs):
    _, mine = ours.get_current_price("KRW-BTC", limit_info=True)
    _, its = theirs.get_current_price("KRW-BTC", limit_info=True)
    assert mine.keys() == its.keys()
    assert mine["group"] == its["group"]
    assert mine["min"] == 60 * 10  # as its own, of an exchange with the usual limit
    assert its["min"] == 60 * 1000
    assert mine["sec"] <= 10


def test_whatever_of_its_names_reads_quotations_is_there_with_its_arguments(ours, theirs):
    for name in ours.__all__:
        own, its = getattr(ours, name), getattr(theirs, name)
        ours_takes = list(inspect.signature(own).parameters)
        assert ours_takes == list(inspect.signature(its).parameters), name
    public = {name for name in vars(theirs.quotation_api) if name.startswith("get_")}
    assert public <= set(ours.__all__)
    for interval in INTERVALS:
        assert ours.get_url_ohlcv(interval) == theirs.get_url_ohlcv(interval)


def test_a_failure_is_an_error_and_not_none(ours, theirs):
    from marketkit.errors import InputError, UnknownSymbol

    assert theirs.get_ohlcv("KRW-NOTHING", period=0) is None
    with pytest.raises(UnknownSymbol, match="KRW-NOTHING"):
        ours.get_ohlcv("KRW-NOTHING")
    with pytest.raises(InputError, match="minute1"):
        ours.get_ohlcv("KRW-BTC", "minute7")
