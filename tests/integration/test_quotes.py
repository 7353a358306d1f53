"""Tickers, books, trades and the candle edge: what is asked of the exchange, and what is not."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import polars as pl
import pytest

import marketkit as mk
from marketkit import schema
from marketkit.api.provider import AsyncSmartDataProvider
from marketkit.api.sync import SmartDataProvider
from marketkit.cache.activity import Life
from marketkit.cache.memory import Memory
from marketkit.clock import age_clock
from marketkit.sandbox import Sandbox
from tests.integration.conftest import FAST, FAST_LIMITS, NOW


def asked(exchange, group):
    return exchange.stats()["groups"][group]["requests"]


@pytest.fixture
def lasting(provider, monkeypatch):
    """A provider whose answers live for an hour, whatever the market's rhythm."""
    monkeypatch.setattr(
        provider.twin._router.activity, "life", lambda *_: Life(3_600_000, "normal", 1000.0, None)
    )
    return provider


CALLS = {
    "ticker": lambda p, s, **more: p.get_ticker(s, **more),
    "orderbook": lambda p, s, **more: p.get_orderbook(s, **more),
    "crix-trades": lambda p, s, **more: p.get_trade(s, count=5, **more),
    "candles": lambda p, s, **more: p.get_candle(s, "1m", count=5, **more),
}


@pytest.mark.parametrize("group", CALLS)
@pytest.mark.parametrize("precision", ["float", "decimal"])
def test_what_is_fresh_is_not_asked_for_again(lasting, exchange, group, precision):
    call = CALLS[group]
    first = call(lasting, ["KRW-BTC", "KRW-ETH"], precision=precision)
    exchange.reset_stats()
    assert call(lasting, ["KRW-BTC", "KRW-ETH"], precision=precision).equals(first)
    assert call(lasting, "KRW-ETH", precision=precision).equals(
        first.filter(pl.col("symbol") == "KRW-ETH")
    )
    assert asked(exchange, group) == 0


def test_of_300_symbols_with_280_fresh_the_wire_is_asked_for_20(lasting, exchange):
    names = lasting.get_market()["symbol"].to_list()[::2][:300]
    early = [name for number, name in enumerate(names) if number % 15]
    lasting.get_ticker(early)
    exchange.reset_stats()
    reply = lasting.with_response.get_ticker(names)
    assert len(early) == 280
    assert reply.frame["symbol"].to_list() == sorted(names)
    assert sorted(name for name in names if reply.source[name] == "rest") == sorted(
        set(names) - set(early)
    )
    assert asked(exchange, "ticker") == 1


def test_floats_and_decimals_are_not_made_of_each_other(lasting):
    rough = lasting.get_ticker("KRW-BTC")
    exact = lasting.get_ticker("KRW-BTC", precision="decimal")
    assert dict(rough.schema) == dict(schema.TICKER)
    assert dict(exact.schema) == dict(schema.exact(schema.TICKER))
    assert lasting.get_ticker("KRW-BTC").equals(rough)


def test_books_of_another_depth_or_level_are_other_books(lasting, exchange):
    lasting.get_orderbook("KRW-BTC", depth=3)
    exchange.reset_stats()
    assert lasting.get_orderbook("KRW-BTC", depth=5).height == 5
    lasting.get_orderbook("KRW-BTC", depth=3, level=10_000)
    assert asked(exchange, "orderbook") == 2
    assert lasting.get_orderbook("KRW-BTC", depth=3).height == 3
    assert asked(exchange, "orderbook") == 2


def test_ranges_of_trades_are_not_remembered(lasting, exchange):
    for _ in range(2):
        lasting.get_trade("KRW-BTC", start="2026-11-19T23:59:00Z")
    assert asked(exchange, "crix-trades") >= 2


def test_the_candle_edge_is_given_again_only_until_the_next_candle_begins(lasting, exchange):
    lasting.get_candle("KRW-BTC", "1m", count=3)
    (held,) = lasting.twin._router.memory._batches
    assert 0 < held.until - held.made <= 30_000  # it is 00:00:30 over there
    assert held.until - age_clock() <= 30_000


@pytest.fixture
def slow_exchange():
    """An exchange that is 200 ms away."""
    with Sandbox(seed=1, now=NOW, speed=0, limit=FAST, latency_ms=200) as sandbox:
        yield sandbox


def test_fifty_equal_calls_at_once_are_one_request(slow_exchange, tmp_path):
    gate = threading.Barrier(50)

    def call(provider):
        gate.wait()
        return provider.get_ticker(["KRW-BTC", "KRW-ETH"])

    with (
        SmartDataProvider(
            endpoint=slow_exchange.endpoint, lake=tmp_path, limits=FAST_LIMITS
        ) as provider,
        ThreadPoolExecutor(50) as pool,
    ):
        frames = list(pool.map(call, [provider] * 50))
    assert all(frame.equals(frames[0]) for frame in frames)
    assert asked(slow_exchange, "ticker") == asked(slow_exchange, "market") == 1


def test_giving_up_one_of_two_equal_calls_leaves_the_other(slow_exchange, tmp_path):
    async def run():
        async with AsyncSmartDataProvider(
            endpoint=slow_exchange.endpoint, lake=tmp_path, limits=FAST_LIMITS
        ) as twin:
            await twin.get_market()
            calls = [asyncio.create_task(twin.get_ticker("KRW-BTC")) for _ in range(2)]
            while not twin._router._flights._flying:  # noqa: ASYNC110 - nobody tells us
                await asyncio.sleep(0.001)
            calls[0].cancel()
            return await asyncio.gather(*calls, return_exceptions=True)

    gone, stayed = asyncio.run(run())
    assert isinstance(gone, asyncio.CancelledError)
    assert stayed["symbol"].to_list() == ["KRW-BTC"]
    assert asked(slow_exchange, "ticker") == 1


def test_an_error_is_not_remembered(provider, exchange):
    provider.get_market()
    exchange.set_faults({"418": 1.0})
    with pytest.raises(mk.Banned):
        provider.get_ticker(["KRW-BTC", "KRW-ETH"])
    exchange.set_faults({})
    provider.twin._transport._ban._path.unlink()
    provider.twin._transport._ban._own = type(provider.twin._transport._ban._own)(0.0, 0.0)
    assert provider.get_ticker("KRW-BTC").height == 1


def test_a_warm_answer_needs_no_event_loop_at_all(lasting, monkeypatch):
    lasting.get_ticker(["KRW-BTC", "KRW-ETH"])
    monkeypatch.setattr("marketkit.api.calls.engine", None)
    assert lasting.get_ticker("KRW-ETH").height == 1

    async def awaited():
        return await lasting.twin.get_ticker(["KRW-BTC"])

    assert asyncio.run(awaited()).height == 1


def test_whole_quote_currencies_are_asked_for_as_such_and_others_by_name(provider, exchange):
    markets = provider.get_market()
    exchange.reset_stats()
    assert provider.get_ticker("*")["symbol"].to_list() == markets["symbol"].to_list()
    assert asked(exchange, "ticker") == 1
    some = [name for name in markets["symbol"] if name[:6] != "KRW-BT"]
    few = [name for name in some if name[:4] != "BTC-"] + ["BTC-ETH"]
    exchange.reset_stats()
    assert provider.get_ticker(few, precision="decimal")["symbol"].to_list() == sorted(few)
    # KRW and USDT markets, all or most of them, at once, and the one BTC market by name.
    assert asked(exchange, "ticker") == 2


class Feed:
    """A feed with one ticker, known to be true up to a moment."""

    def __init__(self, rows, moment):
        self.rows, self.moment = rows, moment

    def hot(self, channel, _, rows):
        """Give the symbols whose newest rows are known."""
        return ({"KRW-BTC"} if channel == "ticker" and rows == 1 else set()), self.moment

    def newest(self, *_):
        """Give their rows."""
        return self.rows


def test_what_a_feed_keeps_hot_is_taken_from_it_where_it_is_younger(lasting, exchange):
    rows = lasting.get_ticker("KRW-BTC").with_columns(price=pl.lit(1.0))
    router = lasting.twin._router
    router.feed = Feed(rows, age_clock())
    reply = lasting.with_response.get_ticker(["KRW-BTC", "KRW-ETH"])
    assert reply.source == {"KRW-BTC": "feed", "KRW-ETH": "rest"}
    assert reply.frame["price"][0] == 1.0
    router.feed = Feed(rows, age_clock() - 3_000_000)
    reply = lasting.with_response.get_ticker("KRW-BTC")
    assert reply.source == {"KRW-BTC": "memory"}
    exact = lasting.with_response.get_ticker("KRW-BTC", precision="decimal")
    assert exact.source == {"KRW-BTC": "rest"}  # frames of a feed are floats


def test_what_a_feed_says_is_not_given_once_its_life_is_over(provider, exchange):
    rows = provider.get_ticker("KRW-BTC")
    router = provider.twin._router
    router.memory = Memory()
    router.feed = Feed(rows, age_clock() - 20_000)  # no ticker lives longer than 10 s
    assert provider.with_response.get_ticker("KRW-BTC").source == {"KRW-BTC": "rest"}


def test_what_a_feed_keeps_hot_is_not_held_in_memory_as_well(provider, exchange):
    rows = provider.get_ticker("KRW-BTC")
    router = provider.twin._router
    router.memory = Memory()
    router.feed = Feed(rows, age_clock() - 20_000)
    asked = provider.with_response.get_ticker(["KRW-BTC", "KRW-ETH"])
    assert set(asked.source.values()) == {"rest"}
    assert router.memory.stats().entries == 2
    router.memory = Memory()
    router.feed.moment = age_clock() + 60_000  # young for as long as this test may take
    provider.get_ticker(["KRW-BTC", "KRW-ETH"])
    assert router.memory.stats().entries == 1


# Bad input.


def test_duplicates_are_one_symbol(provider):
    frame = provider.get_ticker(["KRW-BTC", "BTC/KRW", "KRW-BTC", "KRW-ETH"])
    assert frame["symbol"].to_list() == ["KRW-BTC", "KRW-ETH"]


def test_one_bad_code_among_300_is_named_and_the_others_are_delivered(provider):
    names = provider.get_market()["symbol"].to_list()[:299]
    asked_for = [*names[:150], "KRW-BCT", *names[150:]]
    with pytest.raises(mk.UnknownSymbol, match=r"'KRW-BCT'.*'KRW-BTC'"):
        provider.get_ticker(asked_for)
    with pytest.warns(UserWarning, match="'KRW-BCT'"):
        frame = provider.get_ticker(asked_for, on_error="skip")
    assert frame["symbol"].to_list() == names
    reply = provider.with_response.get_ticker(asked_for, on_error="skip")
    assert not reply.success
    assert list(reply.failures) == ["KRW-BCT"]
    assert len(reply.source) == 299


def test_five_thousand_codes_are_sorted_out_without_delay(provider):
    known = provider.get_market()["symbol"].to_list()
    codes = known + [f"KRW-ZZ{number}" for number in range(5_000 - len(known))]
    with pytest.raises(mk.UnknownSymbol, match="KRW-ZZ0"):
        provider.get_ticker(codes)
    reply = provider.with_response.get_ticker(codes, on_error="skip")
    assert reply.frame["symbol"].to_list() == known
    assert len(reply.failures) == 5_000 - len(known)


def test_depth_7_is_seven_levels(provider):
    assert provider.get_orderbook("KRW-BTC", depth=7)["depth"].to_list() == list(range(1, 8))


def test_501_trades_are_two_requests(provider, exchange):
    provider.get_market()
    exchange.reset_stats()
    assert provider.get_trade("KRW-BTC", count=501).height == 501
    assert asked(exchange, "crix-trades") == 2


def test_a_spelling_that_is_not_native_is_corrected_aloud(provider):
    with pytest.warns(UserWarning, match="'krw-btc' taken as 'KRW-BTC'"):
        frame = provider.get_ticker("krw-btc")
    assert frame["symbol"].to_list() == ["KRW-BTC"]


@pytest.mark.parametrize("group", ["ticker", "orderbook", "crix-trades"])
def test_frames_of_the_sandboxs_words_are_pandas_too(provider, group):
    frame = CALLS[group](provider, ["KRW-BTC", "KRW-ETH"], frame="pandas", precision="decimal")
    assert frame.index.names == ["symbol", "time"]
    assert type(frame.iloc[0]["price" if "price" in frame else "bid_price"]).__name__ == "Decimal"


def test_the_trades_of_many_symbols_show_how_far_they_have_come(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("marketkit.progress._PATIENCE", 0.0)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with (
        Sandbox(seed=1, now=NOW, speed=0, limit=FAST) as exchange,
        SmartDataProvider(endpoint=exchange.endpoint, lake=tmp_path, limits=FAST_LIMITS) as one,
    ):
        one.get_trade(["KRW-BTC", "KRW-ETH", "KRW-XRP"], count=2)
    assert "trades of 3 symbols: 100%" in capsys.readouterr().err
