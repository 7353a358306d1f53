"""Processes that race for one object: each adds numbers of its own to those in there.

All have read it before the first of them writes, so that there is a race on any machine.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier

from marketkit.data.lake.format.objects import Conflict
from marketkit.data.lake.places.bucket import Bucket

KEY = "source=upbit/timeframe=1min/series=KRW-BTC/2024-01.parquet"


_meeting: Barrier  # of this process with the others
_PATIENCE = 120.0  # seconds for all to begin, on a machine that is slow and busy


def _begin(meeting: Barrier) -> None:
    global _meeting  # noqa: PLW0603 - what a new process is given has no other place
    _meeting = meeting


def add(bucket: Bucket, number: int, *, first: bool) -> int:
    """Add a number to those of the object, and count the conflicts on the way."""
    conflicts = 0
    while True:
        numbers, version = [], None
        with suppress(FileNotFoundError):
            content, version = bucket.read(KEY)
            numbers = json.loads(content)
        if first and not conflicts:
            _meeting.wait(_PATIENCE)
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
    return sum(add(bucket, number, first=not at) for at, number in enumerate(numbers))


def race(url: str, processes: int, each: int) -> int:
    """Have processes add numbers at once, and count all conflicts."""
    shares = [range(first * each, (first + 1) * each) for first in range(processes)]
    spawn = get_context("spawn")
    meeting = spawn.Barrier(processes)
    with ProcessPoolExecutor(processes, spawn, _begin, (meeting,)) as pool:
        return sum(pool.map(_run, [url] * processes, shares))
