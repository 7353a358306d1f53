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
PLAIN = {"AWS_ALLOW_HTTP": "true"}  # the store is on this machine
TOGETHER = 120.0  # seconds in which all writers must have loaded what they need

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
    rows: int  # with those of warming up
    began: float
    ended: float


def appends(server: Server, folder: Path, *, quick: bool) -> Appends:
    """Measure both in turn, in buckets of their own; medians of the rounds."""
    rounds, seconds = (2, 4.0) if quick else (5, 15.0)
    context = get_context("spawn")
    told = (folder, context.Barrier(WRITERS))
    settle(folder / "looking")  # what the paces left is gone
    with ProcessPoolExecutor(WRITERS, context, _begin, told) as pool:
        done = [
            (_round(pool, server, "ours", seconds), _round(pool, server, "theirs", seconds))
            for _ in range(rounds)
        ]
    ours, theirs = zip(*done, strict=True)
    return Appends(
        statistics.median(rate for rate, _, _ in ours),
        statistics.median(rate for rate, _, _ in theirs),
        failed=sum(failed for _, failed, _ in theirs),
        exact=all(exact for both in done for _, _, exact in both),
    )


def _round(
    pool: ProcessPoolExecutor, server: Server, whose: str, seconds: float
) -> tuple[float, int, bool]:
    """Let all write into a bucket; give commits a second, failures, and if all rows are there."""
    url = f"s3://{server.bucket()}/appends"
    if whose == "theirs":
        _make_table(url)
    runs = [pool.submit(_write, whose, url, number, seconds) for number in range(WRITERS)]
    done = [each.result() for each in runs]
    took = max(each.ended for each in done) - min(each.began for each in done)
    kept = _kept_by_us(url) if whose == "ours" else _kept_by_them(url)
    return (
        sum(each.commits for each in done) / took,
        sum(each.failed for each in done),
        kept == sum(each.rows for each in done),
    )


def _begin(folder: Path, barrier: Barrier) -> None:
    """Be a writer with a mirror of its own, as on a machine of its own."""
    settle(folder / f"writer-{os.getpid()}")
    _together.append(barrier)


def _write(whose: str, url: str, number: int, seconds: float) -> Written:
    """Append pages for some seconds, together with the other writers, after one to warm up."""
    append = {"ours": _ours, "theirs": _theirs}[whose](url, number)
    first, commits, failed = candles(number, ROWS), 0, 0
    warm = _done(append, first, START)
    _together[0].wait(TOGETHER)
    began = ended = time.monotonic()
    while ended < began + seconds:
        later = (commits + failed + 1) * ROWS * MINUTE
        page = first.with_columns(pl.col("time") + pl.duration(milliseconds=later))
        if _done(append, page, START + later):
            commits += 1
        else:
            failed += 1
        ended = time.monotonic()
    return Written(commits, failed, ROWS * (commits + warm), began, ended)


def _done(append: Append, rows: pl.DataFrame, start: int) -> bool:
    """Append a page; False where deltalake has given up after retries of its own."""
    from deltalake.exceptions import CommitFailedError

    try:
        append(rows, start)
    except CommitFailedError:
        return False
    return True


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
