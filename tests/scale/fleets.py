"""Jobs on workers, looked at from the exchange: who asked for what, and how often."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qs

import polars as pl

from marketkit.data.lake.format.objects import Objects
from marketkit.data.lake.lake import Lake
from marketkit.sandbox import Sandbox

NOW = "2026-11-20T00:00:30Z"
PATIENCE = 300.0  # seconds for what a quiet machine does in three


def pages(exchange: Sandbox) -> Counter[tuple[str, str]]:
    """Count the requests for candles by market and by the moment before which they asked."""
    asked: Counter[tuple[str, str]] = Counter()
    for each in exchange.requests():
        if "/candles/" in each["path"] and "/months" not in each["path"]:
            query = parse_qs(each["query"])
            asked[query["market"][0], query.get("to", [""])[0]] += 1
    return asked


def asked_twice(exchange: Sandbox) -> int:
    """Count the requests for a page that had been asked for before."""
    return sum(count - 1 for count in pages(exchange).values())


def differences(lake: Lake, exchange: Sandbox, symbols: Iterable[str], start: int, end: int) -> int:
    """Count the slots that the lake lacks, and the candles in which the two differ."""
    count = 0
    for symbol in symbols:
        count += len(lake.missing(symbol, "1m", start, end))
        mine = lake.read(symbol, "1m", start, end).with_columns(pl.col("time").dt.epoch("ms"))
        true = exchange.candles(symbol, "1m", start, end).sort("time")
        here = mine.select(true.columns).rows()
        count += len(set(here) ^ set(true.rows()))
    return count


def wait_for(look: Callable[[], object], what: str) -> None:
    """Wait until something is so."""
    ends = time.monotonic() + PATIENCE
    while not look():
        if time.monotonic() > ends:
            raise AssertionError(f"no {what} within {PATIENCE:.0f} s")
        time.sleep(0.02)


def leases(place: Objects) -> dict[str, int]:
    """Give the leases of a lake, and the process that holds each."""
    found = {}
    for key, _ in list(place.list(".leases/upbit/")):
        with suppress(FileNotFoundError):  # let go of meanwhile
            found[key] = int(json.loads(place.read(key)[0])["holder"].split(":")[1])
    return found


def age(path: Path, seconds: float) -> None:
    """Let so many seconds pass for a file, by the clock of its file system."""
    moment = path.stat().st_mtime - seconds
    os.utime(path, (moment, moment))
