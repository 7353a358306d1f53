"""A program that lives with streams for a while and says what it costs: `run.py ENDPOINT SECONDS`.

It keeps a feed, a live series and a callback open, and opens, reads and lets go of others all the
time: some are closed, some forgotten. Once a second it looks at its own memory, tasks, files and
subscriptions; the last line it prints is a JSON object with all looks.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import os
import random
import resource
import sys
import tempfile
import threading
import time
from pathlib import Path

import marketkit as mk
from marketkit.net.engine import engine

LIMITS = dict.fromkeys(("market", "candles", "crix-trades", "ticker", "orderbook"), (10, 0.05))
CHANNELS = ("ticker", "trade", "orderbook", "candle.1s", "candle.1m", "candle.1h")
LOOK, EACH = 1.0, 0.5  # seconds; more changes than a hundred a minute would only wait


def main(endpoint: str, seconds: float) -> dict:
    """Live for so many seconds of this machine."""
    with tempfile.TemporaryDirectory(prefix="marketkit-soak-") as folder:
        os.environ["MARKETKIT_BUDGET_DIR"] = str(Path(folder) / "budget")
        with mk.SmartDataProvider(
            endpoint=endpoint, lake=Path(folder) / "lake", limits=LIMITS
        ) as provider:
            return _live(provider, seconds)


def _live(provider: mk.SmartDataProvider, seconds: float) -> dict:
    codes = provider.get_market(quote="KRW")["symbol"].to_list()
    events = itertools.count()
    feed = provider.watch(codes[:100], "ticker").on(lambda _: next(events))
    with feed, provider.live(codes[:5], "1m", history="30m", show=False) as series:
        looks = list(_looks(provider, codes, series, seconds))
        stats = feed.stats
        errors = len(feed.errors)
    return {
        "looks": looks,
        "after": _counts(),
        "opened": sum(each["opened"] for each in looks),
        "events": stats.events,
        "callbacks": next(events),
        "lost": stats.lost,
        "interruptions": stats.interruptions,
        "errors": errors,
    }


def _looks(provider: mk.SmartDataProvider, codes: list[str], series: mk.Live, seconds: float):
    """Churn, and look every second."""
    draw, began = random.Random(1), time.monotonic()
    end = began + seconds
    while (now := time.monotonic()) < end:
        opened = _churn(provider, codes, draw, min(now + LOOK, end))
        provider.get_ticker(codes[-1])  # its answer also tells the exchange's time
        rows = series.frame.height
        gc.collect()
        yield {"at": time.monotonic() - began, "opened": opened, "rows": rows, **_counts()}


def _churn(
    provider: mk.SmartDataProvider, codes: list[str], draw: random.Random, until: float
) -> int:
    """Open feeds, read them, close every other and forget the rest; say how many there were."""
    opened = 0
    while time.monotonic() < until:
        some = draw.sample(codes, draw.randint(1, 20))
        feed = provider.watch(some, draw.choice(CHANNELS))
        feed.wait(EACH)
        feed.frame  # noqa: B018 - to read it is the point
        iter(feed)
        if opened % 2:
            feed.close()
        opened += 1
    return opened


def _counts() -> dict[str, int]:
    async def tasks() -> int:
        return len(asyncio.all_tasks())

    return {
        "rss": _rss(),
        "tasks": engine().run(tasks()),
        "files": len(list(Path("/proc/self/fd").iterdir())),
        "threads": threading.active_count(),
        "objects": len(gc.get_objects()),
    }


def _rss() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], float(sys.argv[2]))))  # noqa: T201
