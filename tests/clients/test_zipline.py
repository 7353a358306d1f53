"""Zipline, where it is installed, on the bundle that marketkit gives."""

from __future__ import annotations

import pytest

from marketkit.to import zipline as bundle
from tests.unit.to.conftest import candles

pytest.importorskip("zipline")
pytestmark = [
    pytest.mark.clients,
    pytest.mark.filterwarnings("ignore"),  # its own, of pandas and numpy
]


def test_a_bundle_has_every_price_and_an_algorithm_runs_on_it(tmp_path, monkeypatch):
    monkeypatch.setenv("ZIPLINE_ROOT", str(tmp_path))
    import pandas as pd
    from zipline import run_algorithm
    from zipline.api import order, symbol
    from zipline.data import bundles
    from zipline.utils.calendar_utils import get_calendar

    days = candles("KRW-BTC", [24 * day for day in range(60)], 178_345_000.0).with_columns(
        open="close"
    )
    bundles.register("upbit", bundle(days, unit=0.001), calendar_name="24/7")
    bundles.ingest("upbit", show_progress=False)
    reader = bundles.load("upbit").equity_daily_bar_reader
    dates = [pd.Timestamp(time).tz_localize(None) for time in days["time"]]
    for name in ("open", "high", "low", "close"):
        read = [round(reader.get_value(0, date, name), 3) for date in dates]
        assert read == (days[name] / 1000).round(3).to_list()
    assert [reader.get_value(0, date, "volume") for date in dates] == [1250] * 60

    seen = []

    def handle(context, data):
        price = data.current(context.bitcoin, "close")
        seen.append((context.datetime, price))
        if len(seen) == 1:
            order(context.bitcoin, 1_000)

    def initialize(context):
        context.bitcoin = symbol("KRW-BTC")

    run = run_algorithm(
        start=pd.Timestamp("2026-03-05"),
        end=pd.Timestamp("2026-04-20"),
        initialize=initialize,
        handle_data=handle,
        capital_base=1e9,
        bundle="upbit",
        data_frequency="daily",
        trading_calendar=get_calendar("24/7"),
        benchmark_returns=pd.Series(0.0, index=pd.DatetimeIndex(dates, tz="UTC")),
    )
    assert len(run) == len(seen) == 47
    known = {(day + pd.Timedelta(days=1)).tz_localize("UTC"): at for at, day in enumerate(dates)}
    closes = (days["close"] / 1000).round(3).to_list()
    # Never a price of a day that has not ended; by its 24/7 calendar Zipline even lags a day.
    assert all(round(price, 3) in closes[: known[time] + 1] for time, price in seen)
