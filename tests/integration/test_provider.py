"""The API against the sandbox on a real socket."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import polars as pl
import pytest

import marketkit as mk
from marketkit import schema
from marketkit.api.provider import AsyncSmartDataProvider
from marketkit.api.sync import SmartDataProvider
from marketkit.timeframe import TIMEFRAMES, parse_time
from tests.integration.conftest import FAST_LIMITS, NOW

CANDLES = list(schema.CANDLE)


def requests(exchange) -> int:
    return sum(group["requests"] for group in exchange.stats()["groups"].values())


@pytest.mark.parametrize(
    ("call", "shape"),
    [
        (lambda p, s: p.get_ticker(s), schema.TICKER),
        (lambda p, s: p.get_orderbook(s, depth=3), schema.ORDERBOOK),
        (lambda p, s: p.get_trade(s, count=5), schema.TRADE),
        (lambda p, s: p.get_candle(s, "1h", count=3), schema.CANDLE),
    ],
)
@pytest.mark.parametrize("symbols", ["KRW-BTC", ["KRW-BTC"], ["KRW-ETH", "KRW-BTC"], "KRW-BT*"])
def test_the_shape_of_a_frame_does_not_depend_on_how_many_were_asked(
    provider, call, shape, symbols
):
    frame = call(provider, symbols)
    assert dict(frame.schema) == dict(shape)
    assert frame["symbol"].is_sorted()
    if isinstance(symbols, list):
        assert set(frame["symbol"]) == set(symbols)


def test_one_symbol_is_a_datetime_index_in_pandas_and_a_list_of_one_a_multi_index(provider):
    one = provider.get_candle("KRW-BTC", "1h", count=3, frame="pandas", tz="Asia/Seoul")
    many = provider.get_candle(["KRW-BTC"], "1h", count=3, frame="pandas")
    assert one.index.name == "time"
    assert str(one.index.tz) == "Asia/Seoul"
    assert many.index.names == ["symbol", "time"]
    assert one["close"].tolist() == many["close"].tolist()


def test_an_unknown_symbol_is_named_with_its_neighbours_before_anything_else_is_asked(
    provider, exchange
):
    provider.get_market()
    exchange.reset_stats()
    with pytest.raises(mk.UnknownSymbol, match=r"'KRW-BCT'.*'KRW-BTC'"):
        provider.get_ticker(["KRW-ETH", "KRW-BCT"])
    with pytest.raises(mk.UnknownSymbol):
        provider.get_candle(["KRW-ETH", "KRW-BCT"], "1m", count=1)
    assert requests(exchange) == 0


def test_skipping_an_unknown_symbol_delivers_the_others_and_warns(provider):
    with pytest.warns(UserWarning, match="KRW-BCT"):
        frame = provider.get_ticker(["KRW-ETH", "KRW-BCT"], on_error="skip")
    assert frame["symbol"].to_list() == ["KRW-ETH"]


def test_855_tickers_cost_one_request(provider, exchange):
    frame = provider.get_ticker("*")
    assert frame.height == provider.get_market().height == 855
    assert exchange.stats()["groups"]["ticker"]["requests"] == 1


def test_a_level_is_refused_outside_the_krw_markets(provider):
    with pytest.raises(mk.InputError, match="BTC-ETH"):
        provider.get_orderbook(["KRW-BTC", "BTC-ETH"], level=10000)


def test_trades_older_than_the_exchange_keeps_are_refused(provider):
    with pytest.raises(mk.InvalidRange, match="2026-11-13"):
        provider.get_trade("KRW-BTC", start="2026-11-01")


def test_a_range_of_trades_over_midnight_is_complete(provider):
    start = "2026-11-19T23:50:00Z"
    ranged = provider.get_trade("KRW-BTC", start=start)
    counted = provider.get_trade("KRW-BTC", count=ranged.height + 3)
    assert counted.tail(ranged.height).equals(ranged)
    assert counted["time"][2] < datetime(2026, 11, 19, 23, 50, tzinfo=UTC)
    assert ranged["time"].dt.date().n_unique() == 2


@pytest.mark.parametrize("timeframe", TIMEFRAMES)
def test_candles_of_every_width_equal_what_the_exchange_holds(provider, exchange, timeframe):
    end = parse_time(NOW)
    frame = provider.get_candle("KRW-XRP", timeframe, count=7)
    width = TIMEFRAMES[timeframe]
    truth = exchange.candles(
        "KRW-XRP", timeframe, width.shift(end, -400 if timeframe == "1s" else -9), end
    )
    closed = truth.filter(pl.col("time") < width.floor(end)).tail(7)
    assert frame["time"].dt.epoch("ms").to_list() == closed["time"].to_list()
    for column in ("open", "high", "low", "close", "volume", "value"):
        assert frame[column].to_list() == pytest.approx(closed[column].to_list(), rel=1e-12)


def test_the_second_time_only_the_live_edge_is_asked(provider, exchange):
    window = {"start": "2026-11-19", "end": "2026-11-19T12:00"}
    first = provider.get_candle(["KRW-BTC", "KRW-SOL"], "1m", **window)
    exchange.reset_stats()
    second = provider.get_candle(["KRW-BTC", "KRW-SOL"], "1m", **window)
    assert second.equals(first)
    assert requests(exchange) == 0
    provider.get_candle(["KRW-BTC", "KRW-SOL"], "1m", start="2026-11-19")
    asked = exchange.stats()["groups"]["candles"]["requests"]
    provider.get_candle(["KRW-BTC", "KRW-SOL"], "1m", start="2026-11-19")
    assert exchange.stats()["groups"]["candles"]["requests"] == asked + 2


def test_the_forming_candle_is_shown_when_asked_for_and_never_kept(provider, exchange):
    frame = provider.get_candle("KRW-BTC", "1m", count=3, forming=True)
    assert frame["state"].to_list() == ["closed", "closed", "forming"]
    assert frame["time"][-1] == datetime(2026, 11, 20, tzinfo=UTC)
    assert provider.get_candle("KRW-BTC", "1m", count=3)["state"].to_list() == ["closed"] * 3
    # 23:59 closed 30 seconds ago: shown, not settled, so the lake ends before it.
    covered = provider.lake().covered("KRW-BTC", "1m")
    assert covered.hull.end == parse_time("2026-11-19T23:59:00Z")


def test_young_candles_are_final_once_they_have_settled(provider, exchange):
    provider.get_candle("KRW-BTC", "1m", count=3)
    exchange.set_clock(now="2026-11-20T00:05:20Z", speed=0)
    frame = provider.get_candle("KRW-BTC", "1m", start="2026-11-19T23:55:00Z", forming=True)
    assert frame.height == 11
    kept = provider.lake().read("KRW-BTC", "1m", parse_time("2026-11-19T23:55:00Z"))
    truth = exchange.candles(
        "KRW-BTC", "1m", parse_time("2026-11-19T23:55:00Z"), parse_time("2026-11-20T00:04:00Z")
    )
    assert kept["close"].to_list() == truth["close"].to_list()


def test_the_lake_alone_answers_only_what_it_can_prove(provider, exchange):
    provider.get_candle("KRW-SOL", "1m", start="2026-11-18", end="2026-11-19")
    exchange.reset_stats()
    inside = provider.get_candle(
        "KRW-SOL", "1m", start="2026-11-18", end="2026-11-19", source="lake"
    )
    everything = provider.get_candle("KRW-*", "1m", source="lake")
    newest = provider.get_candle("KRW-SOL", "1m", count=10, source="lake")
    assert set(everything["symbol"]) == {"KRW-SOL"}
    assert newest.equals(inside.tail(10))
    with pytest.raises(mk.NotCovered, match="2026-11-19T00:00:00Z to 2026-11-20"):
        provider.get_candle("KRW-SOL", "1m", start="2026-11-18", end="2026-11-20", source="lake")
    with pytest.raises(mk.NotCovered, match="no 1m candles of KRW-BTC"):
        provider.get_candle("KRW-BTC", "1m", source="lake")
    with pytest.raises(mk.PartialResult, match="KRW-BTC") as partial:
        provider.get_candle(["KRW-BTC", "KRW-SOL"], "1m", source="lake")
    assert partial.value.frame.equals(everything)
    assert requests(exchange) == 0


def test_the_exchange_alone_leaves_the_lake_untouched(provider):
    frame = provider.get_candle("KRW-SOL", "1m", count=450, source="exchange")
    assert frame.height == 450
    assert provider.lake().catalog().is_empty()
    assert not provider.lake().root.exists()


def test_a_market_younger_than_the_range_has_nothing_before_its_listing(provider, exchange):
    listed = {symbol: first for symbol, first in _listings(exchange).items() if first > 0}
    symbol, _ = max(listed.items(), key=lambda each: each[1])
    report = provider.backfill(symbol, "1h", start="2026-01-01", end="2026-11-19").wait()
    assert report.complete
    assert report.absent > 0
    states = provider.lake().coverage(symbol, "1h", "2026-01-01", "2026-11-19")
    assert states["state"][0] == "before_listing"


def _listings(exchange) -> dict[str, int]:
    end = parse_time(NOW)
    names = ["KRW-BTC", *(s for s in exchange_symbols(exchange) if s.startswith("KRW-"))][-40:]
    days = {name: exchange.candles(name, "1d", end - 300 * 86_400_000, end) for name in names}
    start = end - 299 * 86_400_000
    return {
        name: int(frame["time"][0])
        for name, frame in days.items()
        if frame.height and frame["time"][0] > start
    }


def exchange_symbols(exchange) -> list[str]:
    with SmartDataProvider(endpoint=exchange.endpoint, limits=FAST_LIMITS) as provider:
        return provider.get_market()["symbol"].to_list()


def test_sync_calls_work_while_a_loop_runs_and_async_calls_on_any_loop(
    provider, exchange, tmp_path
):
    async def inside() -> int:
        return provider.get_ticker("KRW-BTC").height

    async def awaited() -> int:
        async with AsyncSmartDataProvider(
            endpoint=exchange.endpoint, lake=tmp_path, limits=FAST_LIMITS
        ) as twin:
            frames = await asyncio.gather(*(twin.get_ticker("KRW-BTC") for _ in range(3)))
            return sum(frame.height for frame in frames)

    assert asyncio.run(inside()) == 1
    assert asyncio.run(awaited()) == 3
    assert asyncio.run(awaited()) == 3


def test_nobody_at_the_endpoint_is_said_plainly(tmp_path):
    with (
        SmartDataProvider(endpoint="http://127.0.0.1:9", lake=tmp_path) as provider,
        pytest.raises(mk.Unreachable, match=r"127\.0\.0\.1:9"),
    ):
        provider.get_ticker("KRW-BTC")


@pytest.mark.parametrize(
    "fault", ["429", "500", "reset", "truncate", "badjson", "html", "duplicate"]
)
def test_a_fault_now_and_then_costs_time_and_nothing_else(provider, exchange, fault):
    provider.get_market()
    exchange.set_faults({fault: 0.2})
    report = provider.backfill("KRW-XRP", "1m", start="2026-11-18", end="2026-11-19T12:00").wait()
    exchange.set_faults({})
    assert report.complete
    start, end = parse_time("2026-11-18"), parse_time("2026-11-19T12:00")
    truth = exchange.candles("KRW-XRP", "1m", start, end)
    kept = provider.lake().read("KRW-XRP", "1m", start, end)
    assert kept["time"].dt.epoch("ms").to_list() == truth["time"].to_list()
    assert kept["close"].to_list() == truth["close"].to_list()


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("500", mk.ServerFailed),
        ("badjson", mk.BadResponse),
        ("html", mk.BadResponse),
        ("418", mk.Banned),
    ],
)
def test_a_fault_that_stays_is_an_error_and_nothing_is_written(provider, exchange, fault, error):
    provider.get_market()
    exchange.set_faults({fault: 1.0})
    with pytest.raises(error):
        provider.get_candle("KRW-XRP", "1m", count=5)
    assert provider.lake().catalog().is_empty()
