"""A bare `recv` of `websockets`, which decodes nothing: `bare.py ENDPOINT CASE SECONDS READS`."""

from __future__ import annotations

import asyncio
import json
import sys

from websockets.asyncio.client import connect

from benchmarks._program import Meter
from benchmarks.realtime.take import codes_of
from marketkit.exchange.upbit.stream import subscription

BOOKS = 20


async def main(endpoint: str, case: str, seconds: float) -> dict[str, float]:
    codes = codes_of(endpoint)
    books = [code for code in codes if code.startswith("KRW-")][:BOOKS]
    wanted = {"tickers": {"ticker": codes}, "books": {"orderbook": books}}[case]
    async with connect(f"ws{endpoint[4:]}/websocket/v1", compression=None, max_size=None) as socket:
        await socket.send(subscription("bare", wanted))
        await _receive(socket, 2)  # the states of all come first
        meter = await asyncio.to_thread(Meter, endpoint)
        await _receive(socket, seconds)
        return await asyncio.to_thread(meter.read)


async def _receive(socket, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            while True:
                await socket.recv(decode=False)
    except TimeoutError:
        pass


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3])))))
