"""Processes that race for one object: each adds a number of its own to those in there."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from multiprocessing import get_context

from marketkit.data.lake.format.objects import Conflict
from marketkit.data.lake.places.bucket import Bucket

KEY = "source=upbit/timeframe=1min/series=KRW-BTC/2024-01.parquet"


def add(bucket: Bucket, number: int) -> int:
    """Add a number to those of the object, and count the conflicts on the way."""
    conflicts = 0
    while True:
        numbers, version = [], None
        with suppress(FileNotFoundError):
            content, version = bucket.read(KEY)
            numbers = json.loads(content)
        try:
            # As a merge of rows, adding what is there changes nothing.
            if number not in numbers:
                bucket.put(KEY, json.dumps([*numbers, number]).encode(), version)
        except Conflict:
            conflicts += 1
            time.sleep(random.random() * min(1.0, 0.02 * 2**conflicts))
        else:
            return conflicts


def _run(url: str, numbers: Iterable[int]) -> int:
    bucket = Bucket(url)
    return sum(add(bucket, number) for number in numbers)


def race(url: str, processes: int, each: int) -> int:
    """Have processes add numbers at once, and count all conflicts."""
    shares = [range(first * each, (first + 1) * each) for first in range(processes)]
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        return sum(pool.map(_run, [url] * processes, shares))
