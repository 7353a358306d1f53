"""hftbacktest, unmodified, on the events that marketkit writes of a recording."""

from __future__ import annotations

import math
import time

import numpy as np
import polars as pl
import pytest

import marketkit as mk
from marketkit.sandbox import Sandbox
from marketkit.timeframe import SECOND, parse_time

# No extra brings it, for it holds numpy back; CI tests it beside NautilusTrader.
library = pytest.importorskip("hftbacktest")
pytestmark = [pytest.mark.clients, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

_NANOSECONDS = 1_000_000  # of a millisecond
_PATIENCE = 30.0


@pytest.fixture(scope="module")
def tape(tmp_path_factory):
    """Three minutes that were recorded, two that were not, and two more."""
    folder = tmp_path_factory.mktemp("hft")
    with (
        Sandbox(seed=1, now="2026-11-20T00:00:30Z", speed=0) as exchange,
        mk.SmartDataProvider(endpoint=exchange.endpoint, lake=folder / "lake") as provider,
    ):
        for minutes, pause in ((3, 120), (2, 0)):
            channels = ["trade", "orderbook"]
            with provider.record("KRW-BTC", channels, to=folder / "tape") as recording:
                _wait(lambda: len(recording.counts) == 2)
                for _ in range(2 * minutes):
                    before = recording.counts["orderbook"]
                    exchange.advance(30)
                    _wait(lambda: recording.counts["orderbook"] > before)  # noqa: B023
            exchange.advance(pause)
    return folder / "tape"


def _wait(condition):
    end = time.monotonic() + _PATIENCE
    while not condition():
        assert time.monotonic() < end, "it never came to hold"
        time.sleep(0.005)


def test_the_array_is_of_its_type_and_in_its_order(tape):
    from hftbacktest.data import validate_event_order
    from hftbacktest.types import event_dtype

    made = mk.to.hftbacktest(tape)
    assert made.dtype == event_dtype
    validate_event_order(made)


def test_a_backtest_sees_every_trade_and_the_best_prices_of_each_second(tape, tmp_path):
    mk.to.hftbacktest(tape, file=tmp_path / "btc.npz")
    asset = (
        library.BacktestAsset()
        .data([str(tmp_path / "btc.npz")])
        .linear_asset(1.0)
        .constant_order_latency(1_000_000, 1_000_000)
        .risk_adverse_queue_model()
        .no_partial_fill_exchange()
        .trading_value_fee_model(0.0005, 0.0005)
        .tick_size(1000.0)
        .lot_size(1e-8)
        .last_trades_capacity(10_000)
    )
    backtest = library.HashMapMarketDepthBacktest([asset])
    first = np.load(tmp_path / "btc.npz")["data"]["exch_ts"].min() // _NANOSECONDS
    assert backtest.elapse((-int(first) % SECOND) * _NANOSECONDS) == 0  # to a full second
    seen, trades = {}, 0
    while backtest.elapse(SECOND * _NANOSECONDS) == 0:
        depth = backtest.depth(0)
        seen[backtest.current_timestamp // _NANOSECONDS] = (depth.best_bid, depth.best_ask)
        trades += len(backtest.last_trades(0))
        backtest.clear_last_trades(0)
    backtest.close()
    best = mk.read_recording(tape, "orderbook", every="1s").filter(pl.col("depth") == 1)
    told = best.select(pl.col("at").dt.epoch("ms"), "bid_price", "ask_price").rows()
    both = [(seen[at], (bid, ask)) for at, bid, ask in told if at in seen]
    assert len(both) > 200
    assert all(theirs == ours for theirs, ours in both)
    hole = [parse_time(f"2026-11-20T00:{each}") for each in ("03:31", "05:29")]
    unheard = [prices for at, prices in seen.items() if hole[0] <= at <= hole[1]]
    assert unheard
    assert all(map(math.isnan, (price for prices in unheard for price in prices)))
    heard = mk.read_recording(tape, "trade").filter(pl.col("time") >= best["received"][0])
    assert abs(trades - heard.height) <= 1  # the last one may come after the last full second
