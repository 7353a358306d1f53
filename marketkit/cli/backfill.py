"""`marketkit backfill`: fill the lake by hand, from a file, on a timer."""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from marketkit.cli.options import add_range, open_provider
from marketkit.cli.output import FAILED, INCOMPLETE, Output
from marketkit.cli.run import CommandRun, begin_shift, terminable
from marketkit.errors import Banned, InputError, MarketkitError, NetworkError, ServerFailed
from marketkit.timeframe import parse_duration, parse_time

if TYPE_CHECKING:
    import polars as pl

    from marketkit.api.sync import SmartDataProvider
    from marketkit.data.jobs.config import Config
    from marketkit.data.jobs.report import Report

_PAUSE = 30.0  # seconds between two attempts at an exchange that is away


def add_backfill(command: argparse.ArgumentParser) -> None:
    """Add what `backfill` takes."""
    symbols = "KRW-BTC, BTC/KRW or a glob such as 'KRW-*'"
    command.add_argument("symbols", nargs="*", help=symbols)
    add_range(command, start_required=False)
    command.add_argument("--config", type=Path, help="a TOML file that says what the lake holds")
    command.add_argument("--verify", help="read the last 1d (12h, 30m, 7d) again for revisions")
    command.add_argument("--order", choices=["newest", "oldest", "symbols"], help="(newest)")
    command.add_argument("--patience", help="how long to wait for an exchange that is away (12h)")
    command.add_argument("--max-time", help="leave after 50m (12h); the next run goes on")
    command.add_argument("--log-format", choices=["text", "json"], default="text")
    command.set_defaults(refuse=command.error)


def backfill(options: argparse.Namespace, output: Output) -> int:
    """Fill the lake as the command line or its file says."""
    if options.config is not None:
        return _scheduled(options, output)
    if not options.symbols or options.start is None:
        options.refuse("give symbols and --start, or --config FILE")
    provider = open_provider(options)
    with terminable(begin_shift(options)) as shift:
        report = shift.work(
            lambda show: provider.backfill(
                options.symbols,
                options.timeframe,
                start=options.start,
                end=options.end,
                verify=options.verify,
                order=options.order or "newest",
                patience=options.patience or "12h",
                show=show,
            )
        )
    if report is None:
        output.problem(MarketkitError(f"left on {shift.stopped}; the same command goes on"))
        return shift.code
    output.report(report)
    if not report.complete and not output.as_json:
        _say_missing(provider, report, output)
    return shift.code


def _say_missing(provider: SmartDataProvider, report: Report, output: Output) -> None:
    gaps = provider.lake().gaps(report.symbols, report.timeframe, report.start, report.end)
    if gaps.height:
        output.say("missing:")
        output.table(gaps)


def _scheduled(options: argparse.Namespace, output: Output) -> int:
    from filelock import Timeout  # noqa: PLC0415

    from marketkit.data.jobs.config import read_config  # noqa: PLC0415 - slow

    if options.symbols or options.start or options.end:
        raise InputError("--config says which symbols and since when: leave them out")
    config = read_config(options.config)
    for name in ("lake", "endpoint", "region", "verify", "order", "patience", "max_time"):
        if getattr(options, name) is None:
            setattr(options, name, getattr(config, name))
    provider = open_provider(options)
    shift = begin_shift(options)
    try:
        with _only_run(provider.lake().root, options.config), terminable(shift):
            _chores(provider, config, options, shift)
    except Timeout:
        _say_summary(output, shift.summary("busy: another run of this file is at work"), options)
        return INCOMPLETE
    except MarketkitError as error:
        _say_summary(output, shift.summary(f"failed: {error}"), options)
        return FAILED
    _say_summary(output, shift.summary(), options)
    return shift.code


def _chores(
    provider: SmartDataProvider, config: Config, options: argparse.Namespace, shift: CommandRun
) -> None:
    from marketkit.data.jobs.config import chores, moment  # noqa: PLC0415 - slow

    markets, now = _listed(provider, parse_duration(options.patience) / 1000, shift)
    for chore in chores(config, markets, provider.lake(), parse_time(now)):
        if shift.stopped:
            return
        report = shift.work(
            lambda show, chore=chore: provider.backfill(  # type: ignore[misc]
                list(chore.symbols),
                chore.timeframe,
                start=moment(chore.start),
                verify=options.verify,
                order=options.order,
                patience=options.patience,
                show=show,
            )
        )
        for symbol, failure in report.failures.items() if report is not None else ():
            sys.stderr.write(f"{symbol} {chore.timeframe}: {failure}\n")


def _listed(
    provider: SmartDataProvider, patience: float, shift: CommandRun
) -> tuple[pl.DataFrame, datetime]:
    """Give the market list and the exchange's time, when the exchange is there."""
    began = time.monotonic()
    while True:
        try:
            return provider.get_market(), provider.exchange_time()
        except (NetworkError, ServerFailed, Banned) as failure:
            if shift.stopped or time.monotonic() - began > patience or shift.over:
                raise
            sys.stderr.write(f"waiting for the exchange: {failure}\n")
        shift.ended.wait(min(_PAUSE, patience))


@contextmanager
def _only_run(root: Path, config: Path) -> Iterator[None]:
    """Be the only run of a file on a lake. Raises `filelock.Timeout` if there is another."""
    from filelock import FileLock  # noqa: PLC0415

    from marketkit.data.lake.lake import Lake  # noqa: PLC0415 - slow

    Lake(root).require_writable()
    (root / ".locks").mkdir(exist_ok=True)
    name = hashlib.sha256(str(config.resolve()).encode()).hexdigest()[:10]
    with FileLock(root / ".locks" / f"backfill-{name}.lock", timeout=0):
        yield


def _say_summary(output: Output, summary: dict[str, object], options: argparse.Namespace) -> None:
    if options.log_format == "json" and not output.as_json:
        output = Output(as_json=True)
    output.value(**summary)
    output.say(
        "marketkit backfill: " + " ".join(f"{name}={value}" for name, value in summary.items())
    )
