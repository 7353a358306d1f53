"""freqtrade, unmodified, on the data folder that marketkit writes."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from marketkit.api.sync import SmartDataProvider
from marketkit.timeframe import TIMEFRAMES
from marketkit.to import freqtrade
from marketkit.to.freqtrade_folder import file_width, pair_name
from marketkit.to.intake import BAR

pytestmark = [
    pytest.mark.clients,
    # Of its own imports, which are not ours to mend.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
MONTH = {"start": "2026-10-01", "end": "2026-11-01"}
STRATEGY = """
    from freqtrade.strategy import IStrategy

    class Averages(IStrategy):
        timeframe = "1h"
        minimal_roi = {"0": 10}
        stoploss = -0.99
        startup_candle_count = 0

        def populate_indicators(self, dataframe, metadata):
            dataframe["fast"] = dataframe["close"].rolling(10).mean()
            dataframe["slow"] = dataframe["close"].rolling(30).mean()
            return dataframe

        def populate_entry_trend(self, dataframe, metadata):
            over = dataframe["fast"] > dataframe["slow"]
            dataframe.loc[over & ~over.shift(fill_value=False), "enter_long"] = 1
            return dataframe

        def populate_exit_trend(self, dataframe, metadata):
            under = dataframe["fast"] < dataframe["slow"]
            dataframe.loc[under & ~under.shift(fill_value=False), "exit_long"] = 1
            return dataframe
"""


@pytest.fixture(scope="module")
def month(wire, tmp_path_factory):
    """Hours of two markets in October."""
    folder = tmp_path_factory.mktemp("lake")
    with SmartDataProvider(endpoint=wire.endpoint, lake=folder) as provider:
        return provider.get_candle(["KRW-BTC", "KRW-DOGE"], "1h", **MONTH)


@pytest.mark.parametrize("data_format", ["feather", "json"])
def test_its_loader_reads_every_candle(month, tmp_path, data_format):
    pytest.importorskip("freqtrade")
    from freqtrade.data.history import load_pair_history
    from freqtrade.data.history.datahandlers import get_datahandler
    from freqtrade.enums import CandleType, TradingMode

    folder = freqtrade(month, "1h", tmp_path / "upbit", data_format=data_format)
    handler = get_datahandler(folder, data_format)
    found = handler.ohlcv_get_available_data(folder, TradingMode.SPOT)
    assert sorted(found) == [
        ("BTC/KRW", "1h", CandleType.SPOT),
        ("DOGE/KRW", "1h", CandleType.SPOT),
    ]
    for symbol, pair in (("KRW-BTC", "BTC/KRW"), ("KRW-DOGE", "DOGE/KRW")):
        table = load_pair_history(
            pair, "1h", folder, data_format=data_format, fill_up_missing=False
        )
        expected = month.filter(symbol=symbol)
        assert str(table["date"].dt.tz) == "UTC"
        read = pl.from_pandas(table).with_columns(pl.col("date").dt.cast_time_unit("ms"))
        written = expected.select(pl.col("time").alias("date"), *BAR)
        # Its reader of JSON gets the last bit of a fraction wrong.
        assert_frame_equal(read, written, check_exact=data_format == "feather", rel_tol=1e-15)


def test_its_loader_puts_a_candle_without_volume_where_none_traded(month, tmp_path):
    pytest.importorskip("freqtrade")
    from freqtrade.data.history import load_pair_history

    gap = month.filter(pl.col("time").dt.hour() != 5)
    folder = freqtrade(gap, "1h", tmp_path)
    table = load_pair_history("BTC/KRW", "1h", folder, data_format="feather")
    made = table[table["date"].dt.hour == 5]
    assert len(table) == 744
    assert made["volume"].sum() == 0
    assert made["close"].tolist() == table[table["date"].dt.hour == 4]["close"].tolist()


@pytest.mark.parametrize("timeframe", ["1s", "1m", "4h", "1d", "1w", "1M"])
def test_every_width_has_the_name_that_its_handler_looks_for(tmp_path, timeframe):
    pytest.importorskip("freqtrade")
    from freqtrade.data.history.datahandlers import get_datahandler
    from freqtrade.enums import CandleType

    handler = get_datahandler(tmp_path, "feather")
    for base in ("BTC", "BRK.B", "1INCH"):
        path = handler._pair_data_filename(tmp_path, f"{base}/KRW", timeframe, CandleType.SPOT)
        name = f"{pair_name(base, 'KRW')}-{file_width(TIMEFRAMES[timeframe])}.feather"
        assert path.name == name


def test_a_backtest_runs_on_the_folder(month, wire, tmp_path):
    """The command itself, with the exchange that it asks for its markets on this machine."""
    pytest.importorskip("freqtrade")
    data = freqtrade(month, "1h", tmp_path / "user_data" / "data" / "upbit")
    (tmp_path / "averages.py").write_text(textwrap.dedent(STRATEGY))
    host = {
        "hostname": wire.endpoint.removeprefix("http://"),
        "urls": {"api": {"public": "http://{hostname}", "private": "http://{hostname}"}},
    }
    config = {
        "stake_currency": "KRW",
        "stake_amount": 10_000_000,
        "dry_run": True,
        "dry_run_wallet": 1_000_000_000,
        "max_open_trades": 1,
        "trading_mode": "spot",
        "exchange": {
            "name": "upbit",
            "pair_whitelist": ["BTC/KRW"],
            "ccxt_config": host,
            "ccxt_async_config": host,
        },
        "pairlists": [{"method": "StaticPairList"}],
        "entry_pricing": {"price_side": "same"},
        "exit_pricing": {"price_side": "same"},
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    done = subprocess.run(
        [
            sys.executable, "-m", "freqtrade", "backtesting",
            "--config", "config.json", "--datadir", str(data), "--userdir", "user_data",
            "--strategy", "Averages", "--strategy-path", ".", "--cache", "none", "--fee", "0.0005",
            "--export", "none",
        ],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-3000:]
    assert "BTC/KRW" in said
    assert "TOTAL" in said
