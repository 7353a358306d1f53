"""Recordings of the sandbox, and lakes, played again."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

import marketkit as mk
from tests.waiting import PATIENCE, wait

SYMBOLS = ["KRW-BTC", "KRW-ETH"]


def play(exchange, provider, recording, seconds=20, steps=24):
    """Let the exchange's clock step on, each step after order books of the one before have come."""
    for _ in range(steps):
        before = recording.counts["orderbook"]
        exchange.advance(seconds)
        # Any answer tells the provider what time it is over there.
        provider.get_candle("KRW-XRP", "1m", count=1, source="exchange")
        wait(lambda: recording.counts["orderbook"] > before)  # noqa: B023 - waited for at once


@pytest.fixture
def tape(provider, exchange, tmp_path):
    """Eight minutes of a recording, and what a live series of the same time said."""
    with (
        provider.live(SYMBOLS, "1m", history="30m", show=False) as live,
        provider.record(SYMBOLS, ["trade", "candle.1m", "orderbook"], to=tmp_path) as recording,
    ):
        wait(lambda: len(recording.counts) == 3)
        play(exchange, provider, recording)
        wait(lambda: live.watermark >= datetime(2026, 11, 20, 0, 7, tzinfo=UTC))
        frame = live.frame
    return tmp_path, frame


def finals_of(frame: pl.DataFrame, start: int, end: int) -> pl.DataFrame:
    """The final candles of some minutes after midnight."""
    time = pl.col("time")
    first = datetime(2026, 11, 20, tzinfo=UTC)
    within = time.is_between(
        first + timedelta(minutes=start), first + timedelta(minutes=end), closed="left"
    )
    return frame.filter(within, pl.col("state") == "closed").sort("symbol", "time")


def test_a_recording_played_again_gives_the_candles_of_the_live_run(provider, tape):
    folder, before = tape
    with provider.live(SYMBOLS, "1m", history="30m", replay=folder, speed=0) as live:
        finals = pl.concat(list(live))
        assert finals_of(finals, 1, 7).equals(finals_of(before, 1, 7))
        assert finals_of(live.frame, -20, 7).equals(finals_of(before, -20, 7))
        assert live.frame.select("symbol", "time").is_duplicated().sum() == 0
        assert live.incidents.is_empty()


def test_trades_alone_add_up_to_the_same_candles(provider, tape, tmp_path_factory):
    folder, before = tape
    shutil.rmtree(folder / "channel=candle.1m")
    with provider.live(SYMBOLS, "1m", history="30m", replay=folder, speed=0) as live:
        added = finals_of(pl.concat(list(live)), 1, 7)
    expected = finals_of(before, 1, 7)
    prices = ["symbol", "time", "open", "high", "low", "close"]
    assert added.select(prices).equals(expected.select(prices))
    for column in ("volume", "value"):
        assert (added[column] / expected[column] - 1).abs().max() < 1e-9


def test_a_replay_asks_nobody_and_writes_nothing(provider, exchange, tape):
    folder, _ = tape
    lake = provider.lake()
    before = lake.catalog()
    exchange.reset_stats()
    with provider.live(SYMBOLS, "1m", replay=folder, speed=0) as live:
        list(live)
    assert lake.catalog().equals(before)
    assert sum(group["requests"] for group in exchange.stats()["groups"].values()) == 0


def test_events_played_again_are_those_that_were_recorded_each_time(provider, tape):
    folder, _ = tape
    recorded = mk.read_recording(folder, "trade", "KRW-BTC").drop("received")
    for speed in (0, 2000):
        with provider.watch("KRW-BTC", "trade", replay=folder, speed=speed) as feed:
            if speed:
                assert feed.wait(PATIENCE)
                wait(lambda: feed.stats.events == recorded.height)
                assert feed.frame.height == min(100, recorded.height)
            else:
                assert pl.concat(list(feed)).equals(recorded)
    part = {"start": "2026-11-20T00:02", "end": "2026-11-20T00:04"}
    with provider.watch("KRW-BTC", "trade", replay=folder, speed=0, **part) as feed:
        times = pl.concat(list(feed))["time"].dt.minute().unique().to_list()
    assert set(times) <= {2, 3}


def test_books_are_played_again_whole(provider, tape):
    folder, _ = tape
    recorded = mk.read_recording(folder, "orderbook", "KRW-ETH")
    last = recorded["depth"].to_list()[::-1].index(1) + 1
    with provider.watch("KRW-ETH", "orderbook", replay=folder, speed=0) as feed:
        list(feed)
        assert feed.frame.equals(recorded.tail(last).drop("received"))


def test_a_hole_is_mended_by_the_lake_or_else_the_frame_ends_before_it(
    provider, exchange, tmp_path
):
    channels = ["candle.1m", "orderbook"]
    with provider.record(SYMBOLS, channels, to=tmp_path / "tape") as recording:
        wait(lambda: len(recording.counts) == 2)
        play(exchange, provider, recording, steps=9)
        exchange.strike("drop")
        exchange.advance(90)
        wait(lambda: recording.interruptions.height)
        play(exchange, provider, recording, steps=15)
    assert mk.read_interruptions(tmp_path / "tape").height == 2  # the opening is one
    with provider.live(SYMBOLS, "1m", replay=tmp_path / "tape", speed=0) as live:
        list(live)
        assert live.frame.filter(
            pl.col("time") > datetime(2026, 11, 20, 0, 4, tzinfo=UTC)
        ).is_empty()
        assert live.incidents["how"].to_list() == [None]
    provider.backfill(SYMBOLS, "1m", start="2026-11-20T00:00", end="2026-11-20T00:07").wait()
    with provider.live(SYMBOLS, "1m", replay=tmp_path / "tape", speed=0) as live:
        list(live)
        frame = finals_of(live.frame, 0, 8)
    for symbol in SYMBOLS:
        start, end = (
            int(datetime(2026, 11, 20, 0, m, tzinfo=UTC).timestamp() * 1000) for m in (0, 8)
        )
        known = exchange.candles(symbol, "1m", start, end).rows()
        own = frame.filter(pl.col("symbol") == symbol).drop("symbol", "state")
        assert own.with_columns(pl.col("time").dt.epoch("ms")).rows() == known


def test_the_last_candles_of_a_long_lake_are_final_though_the_series_asked_meanwhile(provider):
    span = {"start": "2026-11-08", "end": "2026-11-18"}
    assert provider.backfill(SYMBOLS, "1m", **span, show=False).wait().complete
    with provider.live(SYMBOLS, "1m", history="1h", replay=provider.lake(), speed=0) as live:
        finals = pl.concat(list(live))
    truth = provider.get_candle(SYMBOLS, "1m", **span, source="lake")
    last = truth.group_by("symbol").agg(pl.col("time").max()).sort("symbol")
    assert finals.group_by("symbol").agg(pl.col("time").max()).sort("symbol").equals(last)
    assert finals.select("symbol", "time").is_duplicated().sum() == 0


def test_a_lake_is_played_again_to_its_last_candle(provider):
    span = {"start": "2026-11-18T00:00", "end": "2026-11-18T03:00"}
    provider.backfill(SYMBOLS, "1m", start="2026-11-17T23:30", end="2026-11-18T03:00").wait()
    stored = provider.get_candle(SYMBOLS, "1m", **span, source="lake")
    with provider.live(
        SYMBOLS, "1m", history="30m", replay=provider.lake(), speed=0, **span
    ) as live:
        assert live.watermark == datetime(2026, 11, 18, tzinfo=UTC)
        assert live.frame["time"].min() == datetime(2026, 11, 17, 23, 30, tzinfo=UTC)
        finals = pl.concat(list(live)).sort("symbol", "time")
        assert live.watermark == datetime(2026, 11, 18, 3, tzinfo=UTC)
    assert finals.equals(stored)
    with provider.watch(
        "KRW-BTC", "candle.1m", replay=provider.lake().root, speed=0, **span
    ) as feed:
        assert pl.concat(list(feed)).height == stored.filter(pl.col("symbol") == "KRW-BTC").height


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"speed": 2}, "give replay="),
        ({"replay": "nowhere"}, "unknown symbol"),
        ({"replay": "tape", "speed": -1}, "speed=-1"),
    ],
)
def test_what_cannot_be_played_is_refused(provider, more, said):
    with pytest.raises(mk.InputError, match=said):
        provider.live("KRW-BTC", "1m", **more)


def test_a_channel_that_was_not_recorded_is_named_with_those_that_were(provider, tape):
    folder, _ = tape
    with pytest.raises(mk.InputError, match=r"trade"):
        provider.watch("KRW-BTC", "ticker", replay=folder)
    with pytest.raises(mk.UnknownSymbol, match="KRW-BTC"):
        provider.watch("KRW-BCT", "trade", replay=folder)
    with pytest.raises(mk.InputError, match="a lake has no channel"):
        provider.watch("KRW-BTC", "trade", replay=provider.lake())
