"""The work of a soak with plain dictionaries, as many programs keep it, and the older provider did.

`dicts.py '{...}'`, as `benchmarks.memory` puts it together: a dict of candles for each symbol and
timeframe, the newest ticker and book of each symbol, the newest trades; rows as JSON gave them.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import urllib.parse
import urllib.request
from collections import defaultdict, deque
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

from websockets.asyncio.client import connect

_PAGE = 200  # candles that a request gives
_TRADES = 1000  # kept of each symbol
_LANES = 4  # requests under way

candles: dict[str, dict[str, dict[str, dict[str, Any]]]] = defaultdict(lambda: defaultdict(dict))
tickers: dict[str, dict[str, Any]] = {}
books: dict[str, dict[str, Any]] = {}
trades: dict[str, deque[dict[str, Any]]] = defaultdict(lambda: deque(maxlen=_TRADES))


def fill(told: dict[str, Any], symbol: str) -> None:
    """Ask for the history of a market, page by page."""
    start = datetime.fromisoformat(told["now"]) - timedelta(hours=told["hours"])
    end: str | None = None
    while True:
        query = {"market": symbol, "count": _PAGE} | ({"to": end} if end else {})
        url = f"{told['endpoint']}/v1/candles/minutes/1?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url) as answer:
            rows = json.load(answer)
        for row in rows:
            candles[symbol]["1m"][row["candle_date_time_utc"]] = row
        end = rows[-1]["candle_date_time_utc"] + "Z" if rows else None
        if end is None or datetime.fromisoformat(end).astimezone(UTC) <= start:
            return


def take(message: dict[str, Any]) -> None:
    """Keep a message."""
    kind, symbol = message["type"], message["code"]
    if kind == "ticker":
        tickers[symbol] = message
    elif kind == "orderbook":
        books[symbol] = message
    elif kind == "trade":
        trades[symbol].append(message)
    else:
        width = kind.removeprefix("candle.")
        candles[symbol][width][message["candle_date_time_utc"]] = message


async def follow(told: dict[str, Any]) -> None:
    """Keep all that the streams tell."""
    asked = [
        {"ticket": "dicts"},
        {"type": "ticker", "codes": told["codes"]},
        {"type": "orderbook", "codes": told["codes"]},
        {"type": "trade", "codes": told["recorded"]},
        {"type": "candle.1m", "codes": told["followed"]},
    ]
    url = "ws" + told["endpoint"].removeprefix("http") + "/websocket/v1"
    async with connect(url, compression=None) as socket:
        await socket.send(json.dumps(asked))
        async for message in socket:
            take(json.loads(message))


def main(told: dict[str, Any]) -> None:
    with ThreadPoolExecutor(_LANES) as pool:
        filled = pool.map(fill, itertools.repeat(told), told["filled"])
        asyncio.run(_run(told, filled))


async def _run(told: dict[str, Any], filled: Any) -> None:
    following = asyncio.create_task(follow(told))
    await asyncio.to_thread(list, filled)
    print("filled", sum(len(each["1m"]) for each in candles.values()), flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    following.cancel()
    print("kept", len(tickers), len(books), flush=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
