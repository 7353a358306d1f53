"""Recordings of the sandbox, and lakes, played again."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

PATIENCE = 20.0
SYMBOLS = ["KRW-BTC", "KRW-ETH"]


def wait(condition):
    """Wait until something holds."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it never came to hold"
        time.sleep(0.005)


def play(exchange, provider, recording, channel, seconds=20, steps=24):
    """Let the exchange's clock step on, each step after messages of the one before have come."""
    for _ in range(steps):
        before = recording.counts[channel]
        exchange.advance(seconds)
        # Any answer tells the provider what time it is over there.
        provider.get_candle("KRW-XRP", "1m", count=1, source="exchange")
        wait(lambda: recording.counts[channel] > before)  # noqa: B023 - waited for at once


@pytest.fixture
def tape(provider, exchange, tmp_path):
    """Eight minutes of a recording, and what a live series of the same time said."""
    with (
        provider.live(SYMBOLS, "1m", history="30m", show=False) as live,
        provider.record(SYMBOLS, ["trade", "candle.1m", "orderbook"], to=tmp_path) as recording,
    ):
        wait(lambda: len(recording.counts) == 3)
        play(exchange, provider, recording, "candle.1m")
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
