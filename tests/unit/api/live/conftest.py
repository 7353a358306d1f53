"""A past exchange, a dispatcher that a test tells candles, and the series they make."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest

from marketkit.api.live.replay import Past
from marketkit.api.live.stitcher import Stitcher
from marketkit.coverage import Span, Spans
from marketkit.data.lake.lake import Lake
from marketkit.exchange.upbit.messages import Candle
from marketkit.realtime.consumers import Queue
from marketkit.recording.tape import make_candle
from marketkit.timeframe import DAY, MINUTE, TIMEFRAMES
from tests.unit.data.lake.conftest import make_candles
from tests.unit.realtime.conftest import Told, until

START = 1_800_000_000_000 // DAY * DAY
BTC, ETH = "KRW-BTC", "KRW-ETH"
WIDTH = TIMEFRAMES["1m"]
SETTLE = 1  # ms: a candle is proved as soon as the stream went on


def at(minute: float) -> int:
    """Give a moment, ms UTC."""
    return START + round(minute * MINUTE)


def candle(
    minute: int, volume: float = 1.0, symbol: str = BTC, *, kind: str = "REALTIME",
    sent: float | None = None,
) -> Candle:  # fmt: skip
    """Make a candle as the stream says it, flat at a hundred."""
    numbers = [100.0, 100.0, 100.0, 100.0, volume, 100.0 * volume]
    moment = at(minute + 0.5 if sent is None else sent)
    made = make_candle("candle.1m", symbol, at(minute), numbers, moment)
    made.stream = kind
    return made


class NoTape:
    """A tape that lacks nothing."""

    name = "a test"
    missing = Spans()

    def missing_of(self, _: str) -> Spans:
        """Give when it lacks messages of a symbol."""
        return self.missing


class Scene:
    """A stitched series over a past exchange that knows some minutes."""

    def __init__(self, lake: Lake, symbols: Iterable[str] = (BTC,), start: float = 0) -> None:
        self.exchange = lake
        self.told = Told(at(10.5))
        self.past = Past(lake, NoTape(), lambda: self.told.now, SETTLE)  # type: ignore[arg-type]
        starts = dict.fromkeys(symbols, at(start))
        self.stitcher = Stitcher(self.told, self.past, WIDTH, starts, "normal")
        self.finals = self.stitcher.broadcast.open(Queue())

    def know(self, first: int, end: int, symbol: str = BTC) -> None:
        """Have the exchange know the candles of some minutes."""
        times = range(at(first), at(end), MINUTE)
        rows = make_candles(times, symbol, volume=1.0, value=100.0)
        self.exchange.append(symbol, WIDTH, rows, Spans([(at(first), at(end))]), seen_at=at(end))

    def say(self, *candles: Candle) -> None:
        """Have the stream say candles, each when it is sent."""
        for each in candles:
            self.told.now = max(self.told.now, each.sent)
            self.told.say(each)

    async def begin(self) -> None:
        """Open it as the stream's snapshot comes."""
        opening = asyncio.create_task(self.stitcher.start(show=False))
        await until(self.told._subscriptions.in_use)
        self.say(*(candle(10, 0.5, each, kind="SNAPSHOT") for each in self.stitcher.trackers))
        await opening

    async def told_finals(self, count: int) -> list[tuple[int, float]]:
        """Wait for final candles: minute and volume of each."""
        await until(lambda: len(self.finals) >= count)
        found = await self.finals.take() or []
        return [((each.time - START) // MINUTE, each.row.volume) for each in found]

    def kept(self, symbol: str = BTC) -> list[int]:
        """Give the minutes that the series' own lake has candles of."""
        rows = self.past.lake.select([symbol], WIDTH).read(Span(START, at(600)))
        return [(time - START) // MINUTE for time in rows["time"].dt.epoch("ms")]


@pytest.fixture
def lake(tmp_path) -> Lake:
    """What the past exchange knows."""
    return Lake(tmp_path / "exchange")


@pytest.fixture
def scene(lake) -> Scene:
    """A series of one symbol; the exchange knows the first ten minutes."""
    made = Scene(lake)
    made.know(0, 10)
    return made
