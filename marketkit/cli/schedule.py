"""The file of `--config`: read for a command, and done by one run at a time."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from marketkit.cli.run import CommandRun
from marketkit.errors import Banned, InputError, NetworkError, ServerFailed

if TYPE_CHECKING:
    from marketkit.api.sync import SmartDataProvider
    from marketkit.data.jobs.config import Config, ScheduledBackfill
    from marketkit.data.lake.lake import Lake

# Seconds between two attempts at an exchange that is away: soon enough after a maintenance of
# hours, and too seldom to count against its limits.
_PAUSE = 30.0
_LEFT_OPEN = ("lake", "endpoint", "region", "verify", "order", "patience", "max_time")


def read_file(options: argparse.Namespace) -> Config:
    """Read the file of `--config`, for the options that the command line leaves open."""
    from marketkit.data.jobs.config import read_config  # noqa: PLC0415 - slow

    for name in ("symbols", "timeframe", "start", "end"):
        if getattr(options, name):
            said = name if name == "symbols" else f"--{name}"
            raise InputError(f"--config says what is wanted, and since when: leave {said} out")
    config = read_config(options.config)
    for name in _LEFT_OPEN:
        if getattr(options, name, "") is None:
            setattr(options, name, getattr(config, name))
    return config


def scheduled(
    provider: SmartDataProvider, config: Config, run: CommandRun, patience: str
) -> list[ScheduledBackfill]:
    """List the backfills that a file asks for, as soon as the exchange is there."""
    from marketkit.data.jobs.config import chores  # noqa: PLC0415 - slow
    from marketkit.timeframe import parse_duration, parse_time  # noqa: PLC0415 - slow

    began, longest = time.monotonic(), parse_duration(patience) / 1000
    while True:
        try:
            markets, now = provider.get_market(), provider.exchange_time()
            return chores(config, markets, provider.lake(), parse_time(now))
        except (NetworkError, ServerFailed, Banned) as failure:
            if run.stopped or time.monotonic() - began > longest or run.over:
                raise
            run.tell("waiting", "waiting for the exchange", failure)
        run.ended.wait(min(_PAUSE, longest))


@contextmanager
def only_run(lake: Lake, config: Path) -> Iterator[None]:
    """Be the only run of a file on a lake. Raises `filelock.Timeout` if there is another."""
    import hashlib  # noqa: PLC0415 - slow, as is the next

    from filelock import FileLock  # noqa: PLC0415

    lake.require_writable()
    locks = lake.root / ".locks"
    locks.mkdir(exist_ok=True)
    name = hashlib.sha256(str(config.resolve()).encode()).hexdigest()[:10]
    with FileLock(locks / f"backfill-{name}.lock", timeout=0):
        yield
