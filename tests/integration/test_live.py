"""Live series against the sandbox: history and stream without a seam."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import timedelta

import polars as pl
import pytest

import marketkit as mk
from marketkit import schema
from marketkit.api.provider import AsyncSmartDataProvider
from marketkit.coverage import Span
from marketkit.net.engine import engine
from marketkit.timeframe import MINUTE, parse_time
from tests.integration.conftest import FAST_LIMITS, NOW
from tests.waiting import PATIENCE, wait

SYMBOLS = ["KRW-BTC", "KRW-ETH", "BTC-ETH"]


def step(exchange, provider, seconds: float) -> None:
    """Let time pass over there, and let the provider hear of it, from as many answers as it wants."""
    exchange.advance(seconds)
    transport = provider.twin._transport
    wait(lambda: exchange.now() - engine().run(transport.ask_time(again=True)) < 2_000)


def truth(exchange, symbol: str, start: int, end: int) -> list[tuple]:
    """The candles that are over, as the exchange has them."""
    return exchange.candles(symbol, "1m", start, end).rows()


def rows_of(frame: pl.DataFrame, symbol: str) -> list[tuple]:
    own = frame.filter(pl.col("symbol") == symbol)
    return own.with_columns(pl.col("time").dt.epoch("ms")).drop("symbol", "state").rows()


def whole(exchange, frame: pl.DataFrame) -> bool:
    """Say whether a frame has every candle of its range, once."""
    for symbol in frame["symbol"].unique():
        rows = rows_of(frame, symbol)
        start, end = rows[0][0], rows[-1][0]
        assert [row[0] for row in rows] == sorted({row[0] for row in rows})
        if [row[0] for row in truth(exchange, symbol, start, end)] != [row[0] for row in rows[:-1]]:
            return False
    return True


def test_a_series_begins_with_its_history_and_its_forming_candle(provider, exchange):
    with provider.live(SYMBOLS, "1m", history="30m") as live:
        frame = live.frame
        assert dict(frame.schema) == dict(schema.CANDLE)
        assert set(frame["symbol"]) == set(SYMBOLS)
        assert whole(exchange, frame)
        now = exchange.now()
        for symbol in SYMBOLS:
            start = now // MINUTE * MINUTE - 30 * MINUTE
            expected = truth(exchange, symbol, start, now)
            rows = [row for row in rows_of(frame, symbol) if row[0] < now // MINUTE * MINUTE]
            assert rows == expected
        assert live.watermark.timestamp() * 1000 <= now - now % MINUTE
        assert live.incidents.is_empty()


def test_it_goes_on_with_the_stream_and_final_candles_go_into_the_lake(provider, exchange):
    with provider.live(SYMBOLS, "1m", history="30m") as live:
        start = parse_time(NOW) // MINUTE * MINUTE
        for _ in range(6):
            step(exchange, provider, 60)
            wait(lambda: live.frame["time"].max().timestamp() * 1000 >= start)
            assert whole(exchange, live.frame)
        wait(lambda: live.watermark.timestamp() * 1000 >= start + 4 * MINUTE)
        exchange.reset_stats()
        final = live.watermark.timestamp() * 1000
        for symbol in SYMBOLS:
            rows = [row for row in rows_of(live.frame, symbol) if row[0] < final]
            assert rows == truth(exchange, symbol, rows[0][0], int(final))
    lake = provider.lake()
    for symbol in SYMBOLS:
        hull = lake.covered(symbol, "1m").hull
        assert hull.end >= start + 2 * MINUTE
        kept = lake.select([symbol], "1m").read(Span(*hull))
        assert rows_of(kept.with_columns(state=pl.lit("closed")), symbol) == truth(
            exchange, symbol, *hull
        )


def test_final_candles_are_given_once_and_in_order(provider, exchange):
    with provider.live("KRW-BTC", "1m", history="10m") as live:
        got: list[tuple] = []

        def consume() -> None:
            for frame in live:
                got.extend(rows_of(frame, "KRW-BTC"))
                assert frame["state"].unique().to_list() == ["closed"]

        consumer = threading.Thread(target=consume)
        consumer.start()
        begin = int(live.watermark.timestamp() * 1000)
        for _ in range(5):
            step(exchange, provider, 60)
            time.sleep(0.02)
        wait(lambda: live.watermark.timestamp() * 1000 >= begin + 4 * MINUTE)
        wait(lambda: got and got[-1][0] >= begin + 3 * MINUTE)
        final = int(live.watermark.timestamp() * 1000)
        wait(lambda: len(got) == len(truth(exchange, "KRW-BTC", begin, final)))
        assert got == truth(exchange, "KRW-BTC", begin, final)
    consumer.join(PATIENCE)
    assert not consumer.is_alive()


def test_an_interruption_is_listed_and_mended_and_the_frame_is_whole_all_the_time(
    provider, exchange
):
    with provider.live(SYMBOLS, "1m", history="30m") as live:
        step(exchange, provider, 60)
        exchange.strike("storm")
        step(exchange, provider, 30)
        wait(lambda: live.incidents.height == 1)
        assert whole(exchange, live.frame)
        for _ in range(8):
            step(exchange, provider, 30)
            assert whole(exchange, live.frame)
            time.sleep(0.05)
        wait(lambda: live.incidents["closed"].null_count() == 0 or step(exchange, provider, 5))
        (incident,) = live.incidents.rows(named=True)
        assert incident["how"] == "rest"
        assert incident["start"] <= incident["end"] <= incident["closed"]
        assert incident["reason"]
        wait(lambda: live.frame["symbol"].n_unique() == 3)


def test_a_late_candle_corrects_what_was_final_and_the_lake(provider, exchange):
    with provider.live("KRW-XRP", "1m", history="10m") as live:
        for _ in range(6):
            step(exchange, provider, 30)
        final = parse_time(NOW) // MINUTE * MINUTE + 2 * MINUTE
        wait(lambda: live.watermark.timestamp() * 1000 >= final)
        exchange.strike("late-candle")
        for _ in range(8):
            step(exchange, provider, 30)
        wait(lambda: live.incidents.height >= 1)
        assert "late candle of KRW-XRP" in live.incidents["reason"][0]
    lake = provider.lake()
    hull = lake.covered("KRW-XRP", "1m").hull
    kept = lake.select(["KRW-XRP"], "1m").read(Span(*hull)).with_columns(state=pl.lit("closed"))
    assert rows_of(kept, "KRW-XRP") == truth(exchange, "KRW-XRP", *hull)


def test_a_program_that_was_away_lists_and_fills_the_time_between(exchange, tmp_path):
    def provider() -> mk.SmartDataProvider:
        return mk.SmartDataProvider(endpoint=exchange.endpoint, lake=tmp_path, limits=FAST_LIMITS)

    with provider() as first, first.live("KRW-BTC", "1m", history="30m"):
        pass
    exchange.advance(600)
    with provider() as second, second.live("KRW-BTC", "1m", history="1h") as live:
        assert whole(exchange, live.frame)
        (incident,) = live.incidents.rows(named=True)
        assert incident["reason"] == "nobody listened before"
        assert incident["end"] - incident["start"] > timedelta(minutes=9)


def test_two_series_of_the_same_symbols_share_the_stream(provider, exchange):
    with (
        provider.live(SYMBOLS, "1m", history="10m") as one,
        provider.live(SYMBOLS[:2], "1m", history="20m") as other,
    ):
        assert whole(exchange, one.frame)
        assert whole(exchange, other.frame)
        assert sum(each["ended"] is None for each in exchange.connections()) == 1


def test_it_is_the_same_for_async_callers_and_pandas(exchange, tmp_path):
    async def main():
        async with (
            AsyncSmartDataProvider(
                endpoint=exchange.endpoint, lake=tmp_path, limits=FAST_LIMITS
            ) as provider,
            await provider.live("KRW-BTC", "5m", history="2h", frame="pandas") as live,
        ):
            return live.frame, repr(live)

    frame, shown = asyncio.run(main())
    assert frame.index.name == "time"
    assert len(frame) >= 24
    assert shown.startswith("<Live 5m of KRW-BTC: final until 2026-11-19 23:")


@pytest.mark.parametrize(
    ("symbols", "timeframe", "history", "error", "words"),
    [
        ("KRW-BCT", "1m", "1d", mk.UnknownSymbol, "KRW-BTC"),
        ("KRW-BTC", "7m", "1d", mk.UnknownTimeframe, "one of 1s"),
        ("KRW-BTC", "1d", "1d", mk.InputError, r"candle\.1d'; 'candle\.4h' is the nearest"),
        ("KRW-BTC", "1m", "yesterday", mk.InputError, "not a length of time"),
    ],
)
def test_what_makes_no_sense_is_refused(provider, symbols, timeframe, history, error, words):
    with pytest.raises(error, match=words):
        provider.live(symbols, timeframe, history=history)


def test_what_cannot_begin_leaves_no_stream_behind(provider, exchange):
    provider.get_market()
    exchange.set_faults({"500": 1.0})
    with pytest.raises(mk.ServerFailed):
        provider.live(SYMBOLS, "1m", history="10m", show=False)
    assert not provider.twin._streams._client._subscriptions.in_use()
