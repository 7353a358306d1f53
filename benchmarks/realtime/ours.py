"""marketkit as a program that is measured: `ours.py ENDPOINT CASE SECONDS READS`."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterable

import marketkit as mk
from benchmarks._program import Meter

LIMITS = dict.fromkeys(("market", "candles", "crix-trades", "ticker", "orderbook"), (1000, 1.0))
ALL = ["KRW-*", "BTC-*", "USDT-*"]
BOOKS = 20
PATIENCE = 120.0


def main(endpoint: str, case: str, seconds: float, reads: int) -> dict:
    provider = mk.SmartDataProvider(endpoint=endpoint, limits=LIMITS)
    books = provider.get_market(quote="KRW")["symbol"].to_list()[:BOOKS]
    if case == "stamped":
        return _stamped(provider, seconds)
    wanted = {
        "all": [(ALL, "ticker"), (ALL, "trade"), (ALL, "orderbook")],
        "tickers": [(ALL, "ticker")],
        "books": [(books, "orderbook")],
    }[case.removesuffix("!")]
    feeds = [provider.watch(symbols, channel) for symbols, channel in wanted]
    assert all(feed.wait(PATIENCE) for feed in feeds)
    time.sleep(2)
    if case.endswith("!"):
        for feed in feeds:
            threading.Thread(target=_drain, args=(iter(feed),), daemon=True).start()
    every = 1.0 if case == "all" else 0.1
    meter = Meter(endpoint)
    _wait(feeds if reads else (), seconds, every)
    found = meter.read()
    provider.close()
    return found


def _wait(feeds: Iterable[mk.Feed], seconds: float, every: float) -> None:
    """Let the time pass, and read the frames now and then."""
    feeds, end = list(feeds), time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(left, every))
        for feed in feeds:
            assert feed.frame.height


def _drain(reader: Iterable[object]) -> None:
    for _ in reader:
        pass


def _stamped(provider: mk.SmartDataProvider, seconds: float) -> dict:
    feeds = [provider.watch(ALL, channel) for channel in ("ticker", "trade", "orderbook")]
    assert all(feed.wait(PATIENCE) for feed in feeds)
    stamped = provider.watch("KRW-BTC", "ticker")
    waits, seen = [], 0.0
    end = time.monotonic() + seconds
    for _ in stamped:
        price = stamped.frame["price"][0]
        now = time.monotonic_ns()
        if price > 1e12 and price != seen:  # no stamp is as small as a price
            seen = price
            waits.append((now - price) / 1e6)
        if time.monotonic() > end:
            return {"waits": waits[10:]}
    raise AssertionError("the feed ended")


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4]))))
    sys.stdout.flush()
