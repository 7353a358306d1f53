"""Recordings of the sandbox, and lakes, played again."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import polars as pl
import pytest

import marketkit as mk

PATIENCE = 20.0
SYMBOLS = ["KRW-BTC", "KRW-ETH"]


def wait(condition):
    """Wait until something holds."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it never came to hold"
        time.sleep(0.005)


def play(exchange, recording, channel, seconds=20, steps=24):
    """Let the exchange's clock step on, each step after messages of the one before have come."""
    for _ in range(steps):
        before = recording.counts[channel]
        exchange.advance(seconds)
        wait(lambda: recording.counts[channel] > before)  # noqa: B023 - waited for at once


@pytest.fixture
def tape(provider, exchange, tmp_path):
    """Eight minutes of a recording, and what a live series of the same time said."""
    with (
        provider.live(SYMBOLS, "1m", history="30m", show=False) as live,
        provider.record(SYMBOLS, ["trade", "candle.1m", "orderbook"], to=tmp_path) as recording,
    ):
        wait(lambda: len(recording.counts) == 3)
        play(exchange, recording, "candle.1m")
        wait(lambda: live.watermark >= datetime(2026, 11, 20, 0, 8, tzinfo=UTC))
        frame = live.frame
    return tmp_path, frame


def test_a_recording_played_again_gives_the_candles_of_the_live_run(provider, tape):
    folder, before = tape
    with provider.live(SYMBOLS, "1m", replay=folder, speed=0) as live:
        finals = pl.concat(list(live))
        frame = live.frame
    print(before, finals, frame, live.watermark)
