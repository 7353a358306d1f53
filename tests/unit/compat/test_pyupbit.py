"""pyupbit's names: what is refused, and times as it reads them; equality is in tests/clients."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pandas as pd
import pytest

from marketkit.compat import pyupbit
from marketkit.errors import InputError
from marketkit.sandbox import Sandbox


@pytest.fixture
def exchange(tmp_path, monkeypatch):
    from marketkit.api.sync import SmartDataProvider

    with (
        Sandbox(seed=1, now="2026-11-20T10:17:30Z", speed=0) as exchange,
        SmartDataProvider(endpoint=exchange.endpoint, lake=tmp_path / "lake") as provider,
    ):
        monkeypatch.setattr(pyupbit, "default_provider", lambda: provider)
        yield exchange


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (None, None),
        ("2026-01-02 03:04:05", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
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


@pytest.mark.parametrize("interval", ["day", "days", "minute5", "minutes5", "week", "months"])
def test_an_interval_has_its_singular_and_its_plural(interval):
    assert pyupbit._timeframe(interval) in {"1d", "5m", "1w", "1M"}


def test_an_interval_that_is_none_is_refused_and_no_day():
    with pytest.raises(InputError, match="interval='minute2'; did you mean"):
        pyupbit._timeframe("minute2")


def test_days_begin_at_an_hour_of_korean_time(exchange):
    days = pyupbit.get_daily_ohlcv_from_base("KRW-BTC", base=9)
    hours = pyupbit.get_ohlcv("KRW-BTC", "minute60")
    assert set(days.index.hour) == {9}
    assert days["high"].max() == hours["high"].max()
    assert days["volume"].sum() == pytest.approx(hours["volume"].sum())


def test_candles_are_numbers_in_korean_time_without_a_zone(exchange):
    frame = pyupbit.get_ohlcv("KRW-BTC", "minute1", count=3)
    assert frame.columns.to_list() == ["open", "high", "low", "close", "volume", "value"]
    assert frame.index[-1] == pd.Timestamp("2026-11-20 19:17")
    assert frame.index.tz is None
    assert frame.pct_change().shape == (3, 6)
