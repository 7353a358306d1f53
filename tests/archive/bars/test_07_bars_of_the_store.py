"""Bars of the lake's trades, older than the exchange keeps: a month of three markets, all kinds."""

from __future__ import annotations

from decimal import Decimal

import polars as pl
import pytest

import marketkit as mk
from marketkit.sandbox import Sandbox
from marketkit.timeframe import parse_time
from tests.archive.slow_bars import Trade, by_amount
from tests.integration.conftest import FAST, FAST_LIMITS

NOW = "2025-03-05T00:00:30"
NAMES = ["KRW-MK004", "BTC-NEAR", "USDT-WLD"]
MONTH = {"start": "2025-01-20", "end": "2025-02-19"}
HULL = (parse_time("2025-01-20"), parse_time("2025-02-19"))

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def provider(tmp_path_factory):
    """A lake with a month of trades and of minutes, both of the archive."""
    patch = pytest.MonkeyPatch()
    patch.setenv("MARKETKIT_ARCHIVE_TERMS", "accepted")
    lake = tmp_path_factory.mktemp("store") / "lake"
    with (
        Sandbox(now=NOW, speed=0, limit=FAST) as exchange,
        mk.SmartDataProvider(endpoint=exchange.endpoint, lake=lake, limits=FAST_LIMITS) as one,
    ):
        for kind in ("trade", "1m"):
            job = one.backfill(NAMES, kind, **MONTH, archive=True, show=False)
            assert job.wait(300).complete
        exchange.reset_stats()
        yield one
        paths = {each["path"] for each in exchange.requests()}
        assert not any(path.endswith("/trades/ticks") for path in paths)
    patch.undo()


@pytest.mark.parametrize("width", ["1m", "1h", "4h", "1d"])
def test_bars_of_a_month_are_the_stored_candles(provider, width):
    bars = provider.bars(NAMES, width, **MONTH)  # would warn of a difference
    stored = provider.get_candle(NAMES, width, **MONTH)
    assert bars["symbol"].n_unique() == len(NAMES)
    assert bars.height == stored.height > 60
    assert mk.compare_bars(bars, stored).is_empty()


def decimal(number):
    return Decimal(repr(number))


def slowly(provider, symbol):
    rows = provider.lake().trades.read(symbol, *MONTH.values())
    return [
        Trade(time, number, decimal(price), decimal(volume), side == "BID")
        for number, (time, price, volume, side) in enumerate(
            rows.select(pl.col("time").dt.epoch("ms"), "price", "volume", "side").iter_rows()
        )
    ]


@pytest.mark.parametrize(
    ("kind", "measure"),
    [
        ({"tick": 37}, "tick"),
        ({"volume": 250}, "volume"),
        ({"value": 1e6}, "value"),
        ({"kind": "imbalance", "tick": 9}, "tick"),
        ({"kind": "imbalance", "volume": 90.5}, "volume"),
    ],
)
def test_bars_of_amounts_of_a_month_are_those_of_the_slow_reference(provider, kind, measure):
    bars = provider.bars("KRW-MK004", **kind, **MONTH)
    amount = decimal(kind[measure])
    trades, imbalance = slowly(provider, "KRW-MK004"), "kind" in kind
    slow = by_amount(trades, measure, amount, [HULL], imbalance=imbalance)
    times = bars.with_columns(bars["time"].dt.epoch("ms"), bars["last"].dt.epoch("ms"))
    fast = times.drop("symbol", "state").rows()
    assert len(fast) > 3
    assert [(*row[:5], *row[7:]) for row in fast] == [(*row[:5], *row[7:]) for row in slow]
    for one, other in zip(fast, slow, strict=True):
        assert one[5:7] == pytest.approx(other[5:7], rel=1e-12, abs=6e-9)
