"""Appends of 2,000 rows by four writers at once: to chunks in a bucket, and to one Delta table.

Each of ours writes a series of its own, theirs the one table. An append counts when the call has
returned; both are looked at afterwards for the rows of all that counted.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from threading import Barrier
from typing import NamedTuple

import polars as pl

from benchmarks._candles import MINUTE, START, candles, symbol
from benchmarks.scale.addresses import settle
from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from tests.scale.stores import Server

ROWS = 2_000
WRITERS = 4

Append = Callable[[pl.DataFrame, int], None]  # a page, and the moment it starts at

_together: list[Barrier] = []  # of the writers, in the process of each


class Appends(NamedTuple):
    """Commits a second of all writers, theirs that failed, and if each row is where it was put."""

    ours: float
    theirs: float
    failed: int
    exact: bool


class Written(NamedTuple):
    """What one writer did, on the machine's clock."""

    commits: int
    failed: int
    began: float
    ended: float


def appends(server: Server, folder: Path, *, quick: bool) -> Appends:
    """Measure both in turn, in buckets of their own; medians of the rounds."""
    rounds, seconds = (2, 4.0) if quick else (5, 15.0)
    context = get_context("spawn")
    told = (folder, context.Barrier(WRITERS))
    rates: dict[str, list[float]] = {"ours": [], "theirs": []}
    failed, exact = 0, True
    with ProcessPoolExecutor(WRITERS, context, _begin, told) as pool:
        for _ in range(rounds):
            for whose, kept in (("ours", _kept_by_us), ("theirs", _kept_by_them)):
                url = f"s3://{server.bucket()}/appends"
                if whose == "theirs":
                    _make_table(url)
                runs = [pool.submit(_write, whose, url, n, seconds) for n in range(WRITERS)]
                done = [each.result() for each in runs]
                commits = sum(each.commits for each in done)
                took = max(each.ended for each in done) - min(each.began for each in done)
                rates[whose].append(commits / took)
                failed += sum(each.failed for each in done)
                exact &= kept(url) == ROWS * (commits + WRITERS)  # one each to warm up
    return Appends(*map(statistics.median, rates.values()), failed=failed, exact=exact)


def _begin(folder: Path, barrier: Barrier) -> None:
    """Be a writer with a mirror of its own, as on a machine of its own."""
    settle(folder / f"writer-{os.getpid()}")
    _together.append(barrier)


def _write(whose: str, url: str, number: int, seconds: float) -> Written:
    """Append pages for some seconds, together with the other writers."""
    append = {"ours": _ours, "theirs": _theirs}[whose](url, number)
    first, commits, failed = candles(number, ROWS), 0, 0
    append(first, START)
    _together[0].wait(120)
    began = ended = time.monotonic()
    while ended < began + seconds:
        later = (commits + failed + 1) * ROWS * MINUTE
        try:
            append(
                first.with_columns(pl.col("time") + pl.duration(milliseconds=later)), START + later
            )
            commits += 1
        except Exception as error:
            if whose == "ours" or type(error).__name__ != "CommitFailedError":
                raise
            failed += 1
        ended = time.monotonic()
    return Written(commits, failed, began, ended)


def _ours(url: str, number: int) -> Append:
    lake, name = Lake(url), symbol(number)

    def append(rows: pl.DataFrame, start: int) -> None:
        lake.append(name, "1m", rows, Spans([(start, start + ROWS * MINUTE)]))

    return append


def _theirs(url: str, _: int) -> Append:
    import deltalake

    table = deltalake.DeltaTable(url, storage_options=PLAIN)

    def append(rows: pl.DataFrame, _: int) -> None:
        deltalake.write_deltalake(table, _for_delta(rows), mode="append")

    return append


PLAIN = {"AWS_ALLOW_HTTP": "true"}  # the store is on this machine


def _make_table(url: str) -> None:
    import deltalake

    empty = _for_delta(candles(0, ROWS).clear())
    deltalake.write_deltalake(url, empty, storage_options=PLAIN)


def _for_delta(rows: pl.DataFrame) -> pl.DataFrame:
    """Give rows with the times that Delta has."""
    return rows.with_columns(pl.col("time").dt.cast_time_unit("us"))


def _kept_by_us(url: str) -> int:
    return int(Lake(url).catalog()["rows"].sum())


def _kept_by_them(url: str) -> int:
    import deltalake

    return int(deltalake.DeltaTable(url, storage_options=PLAIN).count())
