"""NautilusTrader, unmodified, on the catalog that marketkit writes."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest

from marketkit.errors import InputError
from marketkit.schema import CANDLE
from marketkit.to import nautilus

# Where pandas 3 is, it does not install; CI tests it in an environment of its own.
pytest.importorskip("nautilus_trader")
pytestmark = [
    pytest.mark.clients,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


@pytest.fixture(scope="module")
def hours():
    """Hours of a market in whole won and of one in small fractions, with hours without a trade."""
    times = pl.datetime_range(
        pl.datetime(2026, 3, 1), pl.datetime(2026, 3, 10), "1h", time_unit="ms", time_zone="UTC",
        closed="left", eager=True,
    )  # fmt: skip
    frames = []
    for symbol, unit in (("KRW-BTC", 1000.0), ("BTC-DOGE", 0.00000001)):
        steps = pl.Series([(step * 7919) % 97 + 178_000 for step in range(len(times))])
        close = (steps * unit).round(8)
        frames.append(
            pl.DataFrame(
                {
                    "symbol": symbol,
                    "time": times,
                    "open": close,
                    "high": (close + unit).round(8),
                    "low": (close - unit).round(8),
                    "close": close,
                    "volume": 0.12345678,
                    "value": close,
                    "state": "closed",
                },
                schema_overrides=dict(CANDLE),
            )
        )  # fmt: skip
    return pl.concat(frames).filter(
        (pl.col("symbol") == "KRW-BTC") | (pl.col("time").dt.hour() != 4)
    )


def test_bars_come_back_with_every_digit_at_the_end_of_their_slot(hours, tmp_path):
    catalog = nautilus(hours, "1h", tmp_path / "catalog")
    for symbol in ("KRW-BTC", "BTC-DOGE"):
        wanted = hours.filter(symbol=symbol)
        bars = catalog.bars([f"{symbol}.UPBIT-1-HOUR-LAST-EXTERNAL"])
        assert [float(bar.close) for bar in bars] == wanted["close"].to_list()
        assert [float(bar.high) for bar in bars] == wanted["high"].to_list()
        assert [float(bar.volume) for bar in bars] == wanted["volume"].to_list()
        ends = (wanted["time"] + timedelta(hours=1)).dt.epoch("ns").to_list()
        assert [bar.ts_event for bar in bars] == [bar.ts_init for bar in bars] == ends


def test_instruments_have_the_decimals_of_their_prices(hours, tmp_path):
    catalog = nautilus(hours, "1h", tmp_path)
    found = {str(each.id): each for each in catalog.instruments()}
    assert set(found) == {"KRW-BTC.UPBIT", "BTC-DOGE.UPBIT"}
    assert found["KRW-BTC.UPBIT"].price_precision == 0
    assert found["BTC-DOGE.UPBIT"].price_precision == 8
    assert str(found["KRW-BTC.UPBIT"].base_currency) == "BTC"
    assert str(found["BTC-DOGE.UPBIT"].quote_currency) == "BTC"


def test_the_same_time_is_not_written_twice(hours, tmp_path):
    early, late = (
        hours.filter(pl.col("time").dt.day() < 5),
        hours.filter(pl.col("time").dt.day() >= 5),
    )
    nautilus(early, "1h", tmp_path)
    with pytest.raises(InputError, match="2026-03-01T01:00:00Z to 2026-03-05T00:00:00Z already"):
        nautilus(hours, "1h", tmp_path)
    catalog = nautilus(late, "1h", tmp_path)
    assert len(catalog.bars()) == hours.height


def test_a_backtest_runs_on_the_catalog_and_sees_no_bar_before_its_end(hours, tmp_path):
    from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
    from nautilus_trader.config import LoggingConfig
    from nautilus_trader.model.currencies import Currency
    from nautilus_trader.model.data import BarType
    from nautilus_trader.model.enums import AccountType, OmsType
    from nautilus_trader.model.identifiers import Venue
    from nautilus_trader.model.objects import Money
    from nautilus_trader.trading.strategy import Strategy

    catalog = nautilus(hours, "1h", tmp_path, symbol="KRW-BTC")
    kind = "KRW-BTC.UPBIT-1-HOUR-LAST-EXTERNAL"
    seen = []

    class Look(Strategy):
        def on_start(self):
            self.subscribe_bars(BarType.from_str(kind))

        def on_bar(self, bar):
            seen.append((self.clock.timestamp_ns(), float(bar.close)))

    engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(log_level="ERROR")))
    engine.add_venue(
        Venue("UPBIT"), OmsType.NETTING, AccountType.CASH,
        [Money(1_000_000_000, Currency.from_str("KRW"))],
    )  # fmt: skip
    for instrument in catalog.instruments():
        engine.add_instrument(instrument)
    engine.add_data(catalog.bars([kind]))
    engine.add_strategy(Look())
    engine.run()
    engine.dispose()
    wanted = hours.filter(symbol="KRW-BTC")
    ends = (wanted["time"] + timedelta(hours=1)).dt.epoch("ns").to_list()
    assert seen == list(zip(ends, wanted["close"].to_list(), strict=True))
