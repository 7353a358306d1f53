"""Recordings of the sandbox's stream on a real socket."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from datetime import timedelta

import polars as pl
import pytest

import marketkit as mk
from marketkit import schema
from marketkit.errors import InputError
from marketkit.recording.holes import UNSURE
from marketkit.sandbox import Sandbox
from tests.waiting import wait

SYMBOLS = ["KRW-BTC", "KRW-ETH"]


def play(exchange, recording, channel="trade", seconds=30, steps=10):
    """Let the exchange's clock step on, each step after the messages of the one before."""
    for _ in range(steps):
        before = recording.counts[channel]
        exchange.advance(seconds)
        wait(lambda: recording.counts[channel] > before)  # noqa: B023 - waited for at once


def test_a_recording_has_every_message_and_when_it_came(provider, exchange, tmp_path):
    channels = ["trade", "orderbook", "ticker", "candle.1m"]
    with provider.record(SYMBOLS, channels, to=tmp_path / "tape") as recording:
        wait(lambda: len(recording.counts) == 4)
        play(exchange, recording)
    assert not recording.errors
    trades = mk.read_recording(tmp_path / "tape", "trade")
    assert trades.height == recording.counts["trade"]
    assert dict(trades.schema) == {**schema.TRADE, "received": schema.TIME}
    assert trades["received"].is_sorted()
    assert not trades.select("symbol", "sequential_id").is_duplicated().any()
    books = mk.read_recording(tmp_path / "tape", "orderbook", "KRW-BTC")
    assert set(books["symbol"]) == {"KRW-BTC"}
    candles = mk.read_recording(tmp_path / "tape", "candle.1m")
    assert list(candles.columns) == [*schema.ROW, "received"]
    files = sorted(path.name for path in (tmp_path / "tape").rglob("*.parquet"))
    assert files == ["00.parquet"] * 4
    ((start, end, reason),) = mk.read_interruptions(tmp_path / "tape").rows()
    heard = (mk.read_recording(tmp_path / "tape", channel) for channel in channels)
    firsts = [each.group_by("symbol").agg(pl.col("received").min()) for each in heard]
    assert reason == "nothing had come yet"
    back = max(each["received"].max() for each in firsts)  # all streams are there
    assert end == back + timedelta(milliseconds=UNSURE)
    assert end - start < timedelta(seconds=5)


def test_a_recording_that_heard_nothing_is_read_and_played_as_nothing(provider, tmp_path):
    provider.record("KRW-BTC", "trade", to=tmp_path / "tape").close()
    assert mk.read_recording(tmp_path / "tape", "trade").height <= 1  # the newest, if it was quick
    with provider.live("KRW-BTC", "1m", replay=tmp_path / "tape", speed=0) as past:
        assert list(past) == []
    shutil.rmtree(tmp_path / "tape" / "channel=trade")
    with pytest.raises(InputError, match="no channel 'trade'"):  # lost is not empty
        mk.read_recording(tmp_path / "tape", "trade")


RECORD = """
import sys, time
import marketkit as mk
recording = mk.record(["KRW-BTC", "KRW-ETH"], ["trade", "ticker"], to=sys.argv[1])
time.sleep(600)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no such signal")
def test_a_killed_recorder_leaves_whole_files_and_the_next_one_goes_on(tmp_path):
    tape = tmp_path / "tape"
    with Sandbox(seed=1, now="2026-11-20T00:00:30Z", speed=30) as exchange:
        environment = {**os.environ, "MARKETKIT_ENDPOINT": exchange.endpoint}
        command = [sys.executable, "-c", RECORD, str(tape)]
        process = subprocess.Popen(command, env=environment)
        wait(lambda: len(list(tape.rglob("*.part.parquet"))) >= 2)
        process.kill()
        process.wait()
        before = mk.read_recording(tape, "trade")
        assert before.height
        assert set(mk.read_interruptions(tape)["reason"]) <= {"nothing had come yet"}
        with (
            mk.SmartDataProvider(endpoint=exchange.endpoint, lake=tmp_path / "lake") as provider,
            provider.record(["KRW-BTC", "KRW-ETH"], ["trade", "ticker"], to=tape) as recording,
        ):
            wait(lambda: recording.counts["trade"])
    after = mk.read_recording(tape, "trade")
    assert after.head(before.height).equals(before)
    assert not after.select("symbol", "sequential_id").is_duplicated().any()
    reasons = mk.read_interruptions(tape)["reason"].to_list()
    assert reasons == ["nothing had come yet", "nobody recorded (killed)"]
    assert not [path for path in tape.rglob("*") if "part" in path.name or "tmp" in path.suffix]
