"""How fast the session takes frames in: decoded, kept as the newest state, told to a listener."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
from typing import Any

from benchmarks._sandbox import sandbox
from marketkit.exchange.upbit.stream import subscription
from marketkit.realtime.candles import TradeCandles
from marketkit.realtime.client import RealtimeClient
from marketkit.realtime.subscriptions import Stream
from marketkit.timeframe import parse_timeframe
from marketkit.window import EVER

REPEATS = 7
NOW = ("--now", "2026-11-20T10:17:30Z", "--limit", "1000/1")


class Candles:
    """Adds tickers up to candles of a minute."""

    def __init__(self) -> None:
        self.made = TradeCandles(parse_timeframe("1m"))
        self.count = 0

    def receive(self, message: Any) -> None:
        self.count += 1
        if message.channel == "ticker":
            self.made.add(
                message.symbol, message.trade_time, message.price, message.trade_volume, self.count
            )
        elif message.channel == "trade":
            self.made.add(
                message.symbol, message.time, message.price, message.volume, message.sequential_id
            )

    def interrupted(self, _: int, reason: str) -> None:
        raise AssertionError(reason)


def take(seconds: float) -> list[dict[str, Any]]:
    """Record frames of each channel for so long, and take them in again and again."""
    rows = []
    for channel, speed in (("ticker", 200), ("trade", 200), ("orderbook", 1)):
        with sandbox(*NOW, "--speed", str(speed)) as endpoint:
            frames, codes = asyncio.run(record(endpoint, [channel], seconds))
        best = min(asyncio.run(_taken(frames, codes, channel)) for _ in range(REPEATS))
        rows.append(
            {
                "case": f"take {channel}, {sum(map(len, frames)) // len(frames)} bytes",
                "frames/s": round(len(frames) / best),
                "us a frame": round(best / len(frames) * 1e6, 2),
            }
        )
    return rows


async def record(
    endpoint: str, channels: list[str], seconds: float
) -> tuple[list[bytes], list[str]]:
    """Give the realtime frames of all markets, and their codes."""
    from websockets.asyncio.client import connect

    codes = codes_of(endpoint)
    frames: list[bytes] = []
    async with connect(f"ws{endpoint[4:]}/websocket/v1", compression=None, max_size=None) as socket:
        await socket.send(subscription("recorder", dict.fromkeys(channels, codes)))
        while b'"REALTIME"' not in await socket.recv():
            pass
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            try:
                frame = await asyncio.wait_for(socket.recv(), left)
            except TimeoutError:
                break
            if b'"REALTIME"' in frame:
                frames.append(frame)
    return frames, codes


def codes_of(endpoint: str) -> list[str]:
    """Name all pairs of an exchange."""
    with urllib.request.urlopen(f"{endpoint}/v1/market/all") as answer:
        return [row["market"] for row in json.load(answer)]


async def _taken(frames: list[bytes], codes: list[str], channel: str) -> float:
    session = RealtimeClient("ws://127.0.0.1:9/", clock=lambda: EVER.end, connects=None)
    listener = Candles()
    # Its task, which would connect, is cancelled before it ever runs.
    session.subscribe(listener, [Stream(channel, code) for code in codes])
    take = session.reader.read
    began = time.thread_time()
    for frame in frames:
        take(frame)
    seconds = time.thread_time() - began
    assert listener.count > len(frames) * 0.9, "frames were not news"
    await session.close()
    return seconds
