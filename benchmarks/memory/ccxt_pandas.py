"""The work of a soak with ccxt, its websockets included, and a pandas frame for each market.

`ccxt_pandas.py '{...}'`, as `benchmarks.memory` puts it together; in an environment of its own.
ccxt streams no minutes of Upbit: the newest are asked for once a minute.
"""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import datetime
from typing import Any

import ccxt.pro
import pandas as pd

_PAGE = 200  # candles that a request gives
_MINUTE = 60_000  # ms
_NEWEST = 5  # minutes asked for again
_COLUMNS = ["time", "open", "high", "low", "close", "volume"]

frames: dict[str, pd.DataFrame] = {}


def client(endpoint: str) -> Any:
    """Make ccxt's client of another address."""
    exchange = ccxt.pro.upbit({"enableRateLimit": False})
    host = endpoint.removeprefix("http://")
    exchange.urls["api"] = {
        kind: url.replace("https:", "http:").replace("wss:", "ws:")
        for kind, url in exchange.urls["api"].items()
    }
    exchange.hostname = host
    return exchange


async def fill(exchange: Any, symbol: str, told: dict[str, Any], lanes: asyncio.Semaphore) -> None:
    """Ask for the history of a market, page by page, into one frame."""
    end = round(datetime.fromisoformat(told["now"]).timestamp() * 1000)
    rows: list[list[float]] = []
    for start in range(end - told["hours"] * 60 * _MINUTE, end, _PAGE * _MINUTE):
        async with lanes:
            rows += await exchange.fetch_ohlcv(symbol, "1m", start, _PAGE)
    frames[symbol] = _framed(rows)


def _framed(rows: list[list[float]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=_COLUMNS).drop_duplicates("time").set_index("time")
    frame.index = pd.to_datetime(frame.index, unit="ms", utc=True)
    return frame


async def refresh(exchange: Any, symbols: list[str]) -> None:
    """Add the newest minutes, once a minute."""
    while True:
        await asyncio.sleep(_MINUTE / 1000)
        for symbol in symbols:
            newest = _framed(await exchange.fetch_ohlcv(symbol, "1m", None, _NEWEST))
            joined = pd.concat([frames[symbol], newest])
            frames[symbol] = joined[~joined.index.duplicated(keep="last")]


async def watch(exchange: Any, symbols: list[str], channel: str) -> None:
    """Keep a channel in ccxt's own caches."""
    while True:
        await exchange.watch_public_multiple(symbols, channel)


async def main(told: dict[str, Any]) -> None:
    exchange = client(told["endpoint"])
    await exchange.load_markets()
    names = {name: exchange.markets_by_id[name][0]["symbol"] for name in told["codes"]}
    of = {
        kind: [names[code] for code in told[kind]]
        for kind in ("codes", "recorded", "filled", "followed")
    }
    wanted = {"ticker": "codes", "orderbook": "codes", "trade": "recorded"}
    tasks = [asyncio.create_task(watch(exchange, of[kind], name)) for name, kind in wanted.items()]
    lanes = asyncio.Semaphore(4)
    await asyncio.gather(*(fill(exchange, symbol, told, lanes) for symbol in of["filled"]))
    tasks.append(asyncio.create_task(refresh(exchange, of["followed"])))
    print("filled", sum(map(len, frames.values())), flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    print("kept", len(exchange.tickers), len(exchange.orderbooks), flush=True)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await exchange.close()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
