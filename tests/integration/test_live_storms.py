"""One hour of a bad exchange: nothing is lost, nothing is hidden, no limit is broken."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from marketkit.api.live.series import Live
from marketkit.api.live.stitcher import Stitcher
from marketkit.api.sync import SmartDataProvider
from marketkit.exchange.dialect import RateLimit
from marketkit.net.budget.budget import Budget
from marketkit.net.engine import engine
from marketkit.realtime.client import RealtimeClient
from marketkit.realtime.connection import Timing
from marketkit.sandbox import Sandbox
from marketkit.timeframe import HOUR, MINUTE, TIMEFRAMES
from marketkit.window import EVER
from tests.integration.conftest import FAST_LIMITS, NOW
from tests.waiting import PATIENCE

pytestmark = pytest.mark.slow

SPEED = 60.0
# The client's patience runs in real time: what is 30 s there is half a second here.
TIMING = Timing(look=0.05, ping=0.15, silence=0.5, lived=0.5, backoff=0.02, longest=0.5)
STRIKES = ["drop"] * 20 + ["silence"] * 5 + ["storm"] * 3
FAULTS = {"late-candle": 0.05, "duplicate-frame": 0.01, "out-of-order": 0.01}


@pytest.fixture
def exchange() -> Iterator[Sandbox]:
    """A sandbox with raised request limits and Upbit's own for websockets."""
    with Sandbox(seed=1, now=NOW, speed=0, limit=FAST_LIMITS) as sandbox:
        yield sandbox


@pytest.fixture
def provider(exchange: Sandbox, tmp_path: Path) -> Iterator[SmartDataProvider]:
    """A provider of that exchange."""
    lake = tmp_path / "lake"
    with SmartDataProvider(endpoint=exchange.endpoint, lake=lake, limits=FAST_LIMITS) as one:
        yield one


def opened(
    provider: SmartDataProvider, exchange: Sandbox, folder: Path
) -> tuple[RealtimeClient, Live]:
    """Open a live series as the provider does, with patience for a fast clock."""
    markets = provider.get_market("KRW")["symbol"].to_list()
    symbols = random.Random(5).sample(markets, 20)
    filler = provider.twin._filler

    async def work() -> tuple[RealtimeClient, Live]:
        client = RealtimeClient(
            "ws" + exchange.endpoint.removeprefix("http") + "/websocket/v1",
            clock=exchange.now,
            connects=Budget("storms", RateLimit(5, 1.0), folder),
            timing=TIMING,
        )
        start = exchange.now() // MINUTE * MINUTE - HOUR
        spans = dict.fromkeys(symbols, start)
        stitcher = Stitcher(client, filler, TIMEFRAMES["1m"], spans, "normal")
        await stitcher.start(show=False)
        return client, Live(stitcher, filler.lake, exchange.now, HOUR, lambda frame: frame)

    return engine().run(work())


def holes_of(frame: pl.DataFrame, exchange: Sandbox) -> list[str]:
    """Name the symbols whose rows lack one of the exchange's candles, or have one twice."""
    found = []
    for (symbol,), own in frame.group_by("symbol"):
        times = own["time"].dt.epoch("ms").to_list()
        expected = exchange.candles(symbol, "1m", times[0], times[-1])["time"].to_list()
        if times != sorted(set(times)) or times[:-1] != expected:
            found.append(symbol)
    return found


def read(live: Live, finals: dict[str, dict[int, tuple]]) -> None:
    """Remember the last word on every final candle."""
    for frame in live:
        for symbol, time_, *numbers, _ in frame.with_columns(pl.col("time").dt.epoch("ms")).rows():
            finals.setdefault(symbol, {})[time_] = (time_, *numbers)


def weather(exchange: Sandbox, live: Live) -> tuple[int, int]:
    """Let an hour pass with all its strikes; say how often the frame was looked at, and torn."""
    began, draw = exchange.now(), random.Random(7)
    moments = sorted(draw.uniform(1, 57) for _ in STRIKES)
    strikes = draw.sample(STRIKES, len(STRIKES))
    exchange.set_faults(FAULTS)
    exchange.set_clock(speed=SPEED)
    looks = torn = 0
    while (passed := (exchange.now() - began) / MINUTE) < 60:
        while moments and moments[0] <= passed:
            moments.pop(0)
            exchange.strike(strikes.pop(), seconds=90)
        torn += bool(holes_of(live.frame, exchange))
        looks += 1
        time.sleep(0.05)
    exchange.set_faults({})
    return looks, torn


def calm(exchange: Sandbox, live: Live, end: int) -> pl.DataFrame:
    """Wait until all up to `end` is final and proved, and give the incidents, all of them closed.

    A busy machine may make another of a stream that was silent for half a second.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        incidents = live.incidents
        settled = exchange.now() >= end + 6 * MINUTE and proved(live) >= end
        if settled and not incidents["closed"].null_count():
            return incidents
        assert time.monotonic() < deadline, (live, incidents)
        time.sleep(0.05)


def proved(live: Live) -> int:
    """Give the moment before which all is final, and proved or on the way into the lake."""
    trackers = list(live._stitcher.trackers.values())
    unknown = [(each.kept | each.proved).gaps(each.start, EVER.end) for each in trackers]
    firsts = [next(iter(gaps)).start for gaps in unknown]
    return min(*firsts, int(live.watermark.timestamp() * 1000))


def test_an_hour_of_drops_silences_storms_and_late_candles_leaves_no_trace_in_the_lake(
    provider, exchange, tmp_path
):
    client, live = opened(provider, exchange, tmp_path)
    finals: dict[str, dict[int, tuple]] = {}
    consumer = threading.Thread(target=read, args=(live, finals))
    consumer.start()
    since, end = int(live.watermark.timestamp() * 1000), exchange.now() + HOUR
    looks, torn = weather(exchange, live)
    incidents, final = calm(exchange, live, end), int(live.watermark.timestamp() * 1000)
    live.close()
    consumer.join(PATIENCE)
    engine().run(client.close())

    assert looks > 100
    assert torn == 0
    struck, stream = exchange.stats()["faults"], exchange.stats()["stream"]
    assert (struck["drop"], struck["silence"], struck["storm"]) == (20, 5, 3)
    assert struck["late-candle"] > 0
    assert (stream["violations"], stream["refused"]) == (0, 0)
    holes = incidents.filter(pl.col("how") != "stream")
    # Two strikes may meet one connection, and two connections one hole, if nothing came on the first.
    assert stream["connections"] - 1 >= 20
    assert holes.height >= 15
    for symbol in live.symbols:
        covered = provider.lake().covered(symbol, "1m")
        assert len(covered) == 1
        assert covered.hull.end >= end
        known = provider.lake().select([symbol], "1m").read(covered.hull).drop("symbol")
        expected = exchange.candles(symbol, "1m", *covered.hull)
        assert known.with_columns(pl.col("time").dt.epoch("ms")).rows() == expected.rows()
        told = [row for time_, row in sorted(finals.get(symbol, {}).items()) if time_ < final]
        assert told == exchange.candles(symbol, "1m", since, final).rows()
