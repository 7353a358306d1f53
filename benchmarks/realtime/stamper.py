"""An exchange that sends 800 frames a second and every 50 ms a ticker with the moment in it.

The moment, in nanoseconds of the machine's monotonic clock, stands where the price does.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
import time

from benchmarks.realtime.take import record
from marketkit.sandbox import Sandbox

RATE, TICK = 800, 0.01  # frames a second, and seconds between two lots
EVERY = 5  # lots


def main(seconds: float) -> None:
    with Sandbox(now="2026-11-20T10:17:30Z", speed=1, limit=(1000, 1.0)) as exchange:
        frames, _ = asyncio.run(record(exchange.endpoint, ["ticker", "trade", "orderbook"], 10))
        exchange.set_clock(speed=0)
        print(exchange.endpoint, flush=True)
        while not any(each["ended"] is None for each in exchange.connections()):
            time.sleep(0.1)
        _send(exchange, itertools.cycle(frames), seconds + 600)


def _send(exchange: Sandbox, frames: itertools.cycle[bytes], seconds: float) -> None:
    began, lots = time.monotonic(), itertools.count(1)
    start = exchange.now()
    while time.monotonic() < began + seconds:
        lot = next(lots)
        exchange.replay(list(itertools.islice(frames, round(RATE * TICK))))
        if not lot % EVERY:
            exchange.replay([_ticker(start + lot)])
        time.sleep(max(0.0, began + lot * TICK - time.monotonic()))


def _ticker(moment: int) -> bytes:
    now = time.monotonic_ns()
    text = '{"ty":"ticker","cd":"KRW-BTC","tp":%d,"ttms":%d,"tv":1.0,"tms":%d,"st":"REALTIME"}'
    return (text % (now, moment, moment)).encode()


if __name__ == "__main__":
    main(float(sys.argv[1]))
