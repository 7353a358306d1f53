"""Makes a folder of `data/golden/versions`, once, with the marketkit that is to have made it.

`python making.py FOLDER`, run in the environment of an old version, writes whatever that version
keeps: a lake with a ledger and a frozen set, budgets, a cache of answers and a recording, and
`expected.json`, the candles that its sandbox had. What was made is never made anew; this shows how.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import time
from pathlib import Path

FOLDER = Path(sys.argv[1])
NAMES = {"BUDGET_DIR": "budget", "LAKE": "lake", "CACHE": "cache", "SETTINGS": "settings"}
os.environ.update({f"MARKETKIT_{name}": str(FOLDER / place) for name, place in NAMES.items()})
NOW = "2026-01-02T00:00:00Z"
SERIES = [
    ("KRW-BTC", "1m", "2026-01-01T20:00:00+00:00", "2026-01-01T23:00:00+00:00"),
    ("KRW-ETH", "1h", "2025-12-31T00:00:00+00:00", "2026-01-01T12:00:00+00:00"),
    ("KRW-ETH", "1d", "2025-12-20T00:00:00+00:00", "2026-01-01T00:00:00+00:00"),
]


def moment(text: str) -> int:
    """Give ms since 1970."""
    from datetime import datetime

    return int(datetime.fromisoformat(text).timestamp()) * 1000


def fill(provider, exchange) -> list[dict]:
    """Fill the lake, and say what the exchange has."""
    told = []
    for symbol, timeframe, start, end in SERIES:
        job = provider.backfill(symbol, timeframe, start=start, end=end)
        for name in ("wait", "result"):
            if hasattr(job, name):
                getattr(job, name)()
                break
        rows = exchange.candles(symbol, timeframe, moment(start), moment(end))
        columns = ("time", "open", "high", "low", "close", "volume", "value")
        rows = rows.with_columns(rows["time"].cast(int)) if rows["time"].dtype != int else rows
        rows = [[row[name] for name in columns] for row in rows.to_dicts()]
        told.append(
            {"series": [symbol, timeframe], "span": [moment(start), moment(end)], "rows": rows}
        )
    return told


def record(provider, folder: Path) -> None:
    """Record until something was written, for versions that record."""
    with provider.record(["KRW-BTC"], ["ticker", "trade"], to=folder):
        time.sleep(5)


def main() -> None:
    """Make the folder."""
    from marketkit import SmartDataProvider
    from marketkit.sandbox import Sandbox

    with Sandbox(seed=7, now=NOW) as exchange:
        provider = SmartDataProvider(endpoint=exchange.endpoint)
        expected = {"series": fill(provider, exchange)}
        for ask in (provider.get_market, lambda: provider.get_ticker(["KRW-BTC", "KRW-ETH"])):
            ask()
        with contextlib.suppress(Exception):
            provider.get_trade("KRW-BTC", days_ago=2, count=50)
        lake = provider.lake() if callable(provider.lake) else provider.lake
        if hasattr(lake, "freeze"):
            expected["frozen"] = lake.freeze("first").hash
        if hasattr(provider, "record"):
            record(provider, FOLDER / "recording")
        if hasattr(provider, "jobs") or (FOLDER / "lake" / "jobs.sqlite").exists():
            job = provider.backfill(
                "KRW-BTC", "1m", start="2025-12-01T00:00:00Z", end="2026-01-01T00:00:00Z"
            )
            job.pause() if hasattr(job, "pause") else job.cancel()
        provider.close()
    (FOLDER / "expected.json").write_text(json.dumps(expected, separators=(",", ":")) + "\n")
    for rest in FOLDER.rglob("*.lock"):
        rest.unlink()
    for rest in FOLDER.rglob(".locks"):
        shutil.rmtree(rest, ignore_errors=True)


main()
