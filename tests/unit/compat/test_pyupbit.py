"""pyupbit's names: what is refused, and times as it reads them; equality is in tests/clients."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pandas as pd
import pytest

from marketkit.api.sync import SmartDataProvider
from marketkit.compat import pyupbit
from marketkit.errors import InputError, InvalidRange


@pytest.fixture
def served(exchange, tmp_path, monkeypatch):
    """The module, with a default provider that asks that exchange."""
    with SmartDataProvider(endpoint=exchange.endpoint, lake=tmp_path / "lake") as provider:
        monkeypatch.setattr(pyupbit, "default_provider", lambda: provider)
        yield pyupbit


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (None, None),
        ("2026-01-02 03:04:05", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("20260102", datetime(2026, 1, 2, tzinfo=UTC)),
        ("2026/01/02 03:00", datetime(2026, 1, 2, 3, tzinfo=UTC)),
        (date(2026, 1, 2), datetime(2026, 1, 2, tzinfo=UTC)),
        (datetime(2026, 1, 2, 3), datetime(2026, 1, 2, 3, tzinfo=UTC)),  # noqa: DTZ001
        (pd.Timestamp("2026-01-02 03:00"), datetime(2026, 1, 2, 3, tzinfo=UTC)),
        (
            datetime(2026, 1, 2, 12, tzinfo=timezone(timedelta(hours=9))),
            datetime(2026, 1, 2, 3, tzinfo=UTC),
        ),
    ],
)
def test_a_time_without_a_zone_is_in_utc(given, meant):
    assert pyupbit._moment(given) == meant


def test_a_time_that_nobody_can_read_is_refused():
    with pytest.raises(InvalidRange, match="cannot read 'yesterdays'"):
        pyupbit._moment("yesterdays")


@pytest.mark.parametrize("interval", ["day", "days", "minute5", "minutes5", "week", "months"])
def test_an_interval_has_its_singular_and_its_plural(interval):
    assert pyupbit._timeframe(interval) in {"1d", "5m", "1w", "1M"}


def test_an_interval_that_is_none_is_refused_and_no_day():
    with pytest.raises(InputError, match="interval='minute2'; did you mean"):
        pyupbit._timeframe("minute2")


def test_days_begin_at_an_hour_of_korean_time(served):
    days = pyupbit.get_daily_ohlcv_from_base("KRW-BTC", base=9)
    hours = pyupbit.get_ohlcv("KRW-BTC", "minute60")
    assert set(days.index.hour) == {9}
    assert days["high"].max() == hours["high"].max()
    assert days["volume"].sum() == pytest.approx(hours["volume"].sum())


def test_candles_are_numbers_in_korean_time_without_a_zone(served):
    frame = pyupbit.get_ohlcv("KRW-BTC", "minute1", count=3)
    assert frame.columns.to_list() == ["open", "high", "low", "close", "volume", "value"]
    assert frame.index[-1] == pd.Timestamp("2026-11-20 19:17")
    assert frame.index.tz is None
    assert frame.pct_change().shape == (3, 6)
    assert frame.dtypes.unique().tolist() == [float]
    assert not frame.attrs


def test_the_address_of_candles_is_the_exchanges():
    days = pyupbit.get_url_ohlcv("days")
    assert days == "https://api.upbit.com/v1/candles/days"
    assert pyupbit.get_url_ohlcv("minute240").endswith("/candles/minutes/240")
    assert pyupbit.get_url_ohlcv("minutes10").endswith("/candles/minutes/10")
    with pytest.raises(InputError, match="minute2"):
        pyupbit.get_url_ohlcv("minute2")


def test_a_budget_has_what_is_left_of_a_second_and_sixty_of_them(served):
    _, before = served.get_current_price("KRW-BTC", limit_info=True)
    assert before["group"] == "ticker"
    assert before["min"] == 600
    assert 0 <= before["sec"] < 10
    _, after = served.get_orderbook("KRW-BTC", limit_info=True)
    assert (after["group"], after["min"]) == ("orderbook", 600)


def test_what_belongs_to_orders_says_where_it_is():
    with pytest.raises(AttributeError, match="from pyupbit import Upbit"):
        _ = pyupbit.Upbit
    with pytest.raises(AttributeError, match="no attribute 'get_candles'"):
        _ = pyupbit.get_candles


def test_codes_prices_and_details_are_plain_objects(served):
    assert set(served.get_current_price(["KRW-BTC", "KRW-ETH"])) == {"KRW-BTC", "KRW-ETH"}
    assert served.get_tickers("USDT")[0].startswith("USDT-")
    assert served.get_tickers("KRW", is_details=True)[0]["market_event"]
