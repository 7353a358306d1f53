"""Does with this version's files what an old marketkit does; run with the old one on the path.

`python old_program.py FOLDER ENDPOINT` prints, for each step, its result or its error, as JSON.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

FOLDER, ENDPOINT = Path(sys.argv[1]), sys.argv[2]
NAMES = {"BUDGET_DIR": "budget", "LAKE": "lake", "CACHE": "cache", "SETTINGS": "settings"}
os.environ.update({f"MARKETKIT_{name}": str(FOLDER / place) for name, place in NAMES.items()})

import marketkit as mk  # noqa: E402 - the settings come first
from marketkit.coverage import Spans  # noqa: E402 - as above
from marketkit.errors import MarketkitError  # noqa: E402 - as above

TOLD: dict[str, object] = {"program": mk.__file__}


def step(name: str, do: Callable[[], object]) -> None:
    """Note what a step gives, or the error by which it refuses; others end the program."""
    try:
        TOLD[name] = do()
    except MarketkitError as error:
        TOLD[name] = f"{type(error).__name__}: {error}"


def append(lake) -> bool:
    """Put one more minute behind the last."""
    rows = lake.read("KRW-BTC", "1m").tail(1)
    later = rows.with_columns(time=rows["time"] + timedelta(minutes=1))
    at = int(later["time"][0].timestamp()) * 1000
    lake.append("KRW-BTC", "1m", later, Spans([(at, at + 60_000)]))
    return lake.read("KRW-BTC", "1m").tail(1).equals(later)


def backfill(provider) -> bool:
    """Fill hours, with a job where there are jobs."""
    job = provider.backfill("KRW-ETH", "1h", start="2025-12-31", end="2026-01-01")
    return (job.wait() if hasattr(job, "wait") else job.result()).complete


def main() -> None:
    """Take every step that the old version knows."""
    lake = mk.Lake(FOLDER / "lake")
    step("read", lambda: list(lake.read("KRW-BTC", "1m")["close"]))
    step("append", lambda: append(lake))
    if hasattr(lake, "verify"):
        step("verify", lambda: lake.verify("new").height)
        step("as_of", lambda: lake.as_of("new").read("KRW-BTC", "1m").height)
        step("newer", lambda: lake.verify("with_trades").height)
        step("freeze", lambda: lake.freeze("old").files > 0)
        step("audit", lambda: list(lake.audit()["finding"]))
    with mk.SmartDataProvider(endpoint=ENDPOINT) as provider:
        step("budget", lambda: provider.get_ticker("KRW-BTC").height)
        step("cache", lambda: provider.get_market().height)
        step("ledger", lambda: backfill(provider))
    if hasattr(mk, "read_recording"):
        step("recording", lambda: mk.read_recording(FOLDER / "recording", "ticker").height)
    print(json.dumps(TOLD))  # noqa: T201 - the answer


main()
