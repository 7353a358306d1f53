"""The file of `--config`: read for a command, and done by one run at a time."""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from marketkit.cli.deadline import OutOfTime, seconds_until, until
from marketkit.cli.run import MAX_TIME, CommandRun
from marketkit.errors import Banned, InputError, NetworkError, ServerFailed

if TYPE_CHECKING:
    from datetime import datetime

    import polars as pl

    from marketkit.api.sync import SmartDataProvider
    from marketkit.data.fleet.shards import Shard
    from marketkit.data.jobs.config import Config, ScheduledBackfill
    from marketkit.data.lake.lake import Lake

# Seconds between two attempts at an exchange that is away: soon enough after a maintenance of
# hours, and too seldom to count against its limits.
_PAUSE = 30.0
_LEFT_OPEN = ("lake", "endpoint", "region", "verify", "order", "patience", "max_time", "archive")


def read_file(options: argparse.Namespace) -> Config:
    """Read the file of `--config`, for the options that the command line leaves open."""
    from marketkit.data.jobs.config import read_config  # noqa: PLC0415 - slow

    for name in ("symbols", "timeframe", "start", "end"):
        if getattr(options, name):
            said = name if name == "symbols" else f"--{name}"
            raise InputError(f"--config says what is wanted, and since when: leave {said} out")
    config = read_config(options.config)
    if (options.endpoint, options.region) != (None, None):  # each is in place of the other
        config = replace(config, endpoint=None, region=None)
    for name in _LEFT_OPEN:
        if getattr(options, name, "") is None:
            setattr(options, name, getattr(config, name))
    return config


def scheduled(
    provider: SmartDataProvider,
    config: Config,
    run: CommandRun,
    patience: str,
    shard: Shard | None = None,
) -> list[ScheduledBackfill]:
    """List the backfills that a file asks for, or a part of it, as soon as the exchange is there.

    There are none where the run ends before that; `run.stopped` says why.
    """
    from marketkit.data.jobs.config import chores  # noqa: PLC0415 - slow
    from marketkit.timeframe import parse_duration, parse_time  # noqa: PLC0415 - slow

    run.planned = sum(len(universe.depth) for universe in config.universe)
    answer = _patient_answer(provider, run, parse_duration(patience) / 1000)
    if answer is None:
        return []
    markets, now = answer
    found = chores(config, markets, provider.lake(), parse_time(now))
    if shard is not None:
        parts = [replace(each, symbols=tuple(shard.of(each.symbols))) for each in found]
        found = [each for each in parts if each.symbols]
    run.planned = len(found)
    return found


def _patient_answer(
    provider: SmartDataProvider, run: CommandRun, longest: float
) -> tuple[pl.DataFrame, datetime] | None:
    """Ask for the market list and the time until the exchange answers; None after an early end."""
    began = time.monotonic()
    while not run.stopped:
        try:
            with until(run.deadline):
                return provider.get_market(), provider.exchange_time()
        except OutOfTime:
            run.stopped = MAX_TIME
        except (NetworkError, ServerFailed, Banned) as failure:
            if time.monotonic() - began > longest:
                raise
            run.tell("waiting", "waiting for the exchange", failure)
            left = seconds_until(run.deadline)
            run.ended.wait(min(_PAUSE, longest, math.inf if left is None else left))
            if run.over:
                run.stopped = run.stopped or MAX_TIME
    return None


@contextmanager
def only_run(lake: Lake, config: Path, shard: Shard | None = None) -> Iterator[None]:
    """Be the only run of a file, or of a part of it, on a lake.

    Raises `filelock.Timeout` if there is another.
    """
    import hashlib  # noqa: PLC0415 - slow, as is the next

    from filelock import FileLock  # noqa: PLC0415

    lake.require_writable()
    locks = lake.root / ".locks"
    locks.mkdir(exist_ok=True)
    said = str(config.resolve()) + ("" if shard is None else f" {shard}")
    name = hashlib.sha256(said.encode()).hexdigest()[:10]
    with FileLock(locks / f"backfill-{name}.lock", timeout=0):
        yield
