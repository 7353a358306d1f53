"""ccxt.pro as a program that is measured: `theirs.py ENDPOINT CASE SECONDS READS`."""

from __future__ import annotations

import asyncio
import json
import sys

import ccxt.pro

from benchmarks._program import Meter

BOOKS = 20


async def main(endpoint: str, case: str, seconds: float) -> dict:
    client = ccxt.pro.upbit({"enableRateLimit": False})
    client.urls["api"] = {
        kind: url.replace("https", "http").replace("wss", "ws")
        for kind, url in client.urls["api"].items()
    }
    client.hostname = endpoint.removeprefix("http://")
    try:
        markets = await client.load_markets()
        if case == "tickers":
            tasks = [asyncio.create_task(_tickers(client, list(markets)))]
        else:
            some = [name for name in markets if name.endswith("/KRW")][:BOOKS]
            tasks = [asyncio.create_task(_book(client, symbol)) for symbol in some]
        await asyncio.sleep(15)  # the exchange takes its time over 855 snapshots
        meter = await asyncio.to_thread(Meter, endpoint)
        await asyncio.sleep(seconds)
        found = await asyncio.to_thread(meter.read)
        assert not any(task.done() for task in tasks), "a watch ended"
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return found
    finally:
        await client.close()


async def _tickers(client: ccxt.pro.upbit, symbols: list[str]) -> None:
    while True:
        await client.watch_tickers(symbols)


async def _book(client: ccxt.pro.upbit, symbol: str) -> None:
    while True:
        await client.watch_order_book(symbol)


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3])))))
