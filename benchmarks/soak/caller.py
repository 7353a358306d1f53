"""Interactive calls of a process of its own: `caller.py ENDPOINT LAKE CALLS_A_MINUTE SEED`.

It asks now this, now that, until its standard input ends, and prints a JSON object then: the
calls, their waits in ms, and each failure with the moment of the call.
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
import warnings
from typing import Any

import marketkit as mk

_MARKETS = [f"KRW-{base}" for base in ("BTC", "ETH", "XRP", "SOL", "DOGE", "ADA", "TRX", "LINK")]


def ask(provider: mk.SmartDataProvider, draw: random.Random) -> str:
    """Make one call; say which."""
    symbol = draw.choice(_MARKETS)
    calls = {
        "ticker": lambda: provider.get_ticker(symbol),
        "tickers": lambda: provider.get_ticker("KRW-*", on_error="skip"),
        "book": lambda: provider.get_orderbook(symbol),
        "trades": lambda: provider.get_trade(symbol, count=draw.randint(1, 100)),
        "minutes": lambda: provider.get_candle(symbol, "1m", count=draw.randint(1, 200)),
        "hours": lambda: provider.get_candle(symbol, "1h", count=24),
    }
    name = draw.choice([*calls])
    calls[name]()
    return name


def main(endpoint: str, lake: str, a_minute: float, seed: str) -> dict[str, Any]:
    """Ask until the end of the input."""
    draw, ended = random.Random(seed), threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    waits: list[float] = []
    failures: list[tuple[float, str]] = []
    began = calls = 0
    with mk.SmartDataProvider(endpoint=endpoint, lake=lake) as provider:
        while not ended.wait(max(0.0, began + draw.expovariate(a_minute / 60) - time.time())):
            began = time.time()
            calls += 1
            try:
                ask(provider, draw)
            except mk.MarketkitError as failure:
                failures.append((began, f"{type(failure).__name__}: {failure}"))
            else:
                waits.append(round((time.time() - began) * 1000, 1))
    return {"calls": calls, "waits": waits, "failures": failures}


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # a market that ended is told of, again and again
    endpoint, lake, a_minute, seed = sys.argv[1:]
    print(json.dumps(main(endpoint, lake, float(a_minute), seed)))
