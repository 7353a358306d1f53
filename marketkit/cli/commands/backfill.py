"""`marketkit backfill`: fill the lake by hand, from a file, on a timer."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from marketkit.cli.command import Command
from marketkit.cli.options import add_range, open_provider
from marketkit.cli.output import FAILED, INCOMPLETE, Output
from marketkit.cli.run import CommandRun, begin_run, on_sigterm
from marketkit.errors import (
    Banned,
    InputError,
    MarketkitError,
    NetworkError,
    ServerFailed,
    UnknownSymbol,
)

if TYPE_CHECKING:
    from datetime import datetime

    import polars as pl

    from marketkit.api.sync import SmartDataProvider
    from marketkit.data.jobs.config import Config
    from marketkit.data.jobs.job import Job
    from marketkit.data.jobs.report import Report
    from marketkit.data.lake.lake import Lake

# Seconds between two attempts at an exchange that is away: soon enough after a maintenance of
# hours, and too seldom to count against its limits.
_PAUSE = 30.0


def _arguments(command: argparse.ArgumentParser) -> None:
    symbols = "KRW-BTC, BTC/KRW or a glob such as 'KRW-*'"
    command.add_argument("symbols", nargs="*", help=symbols)
    add_range(command)
    command.add_argument("--config", type=Path, help="a TOML file that says what the lake holds")
    command.add_argument("--verify", help="read the last 1d (12h, 30m, 7d) again for revisions")
    command.add_argument("--order", choices=["newest", "oldest", "symbols"], help="(newest)")
    command.add_argument("--patience", help="how long to wait for an exchange that is away (12h)")
    command.add_argument("--max-time", help="leave after 50m (12h); the next run goes on")
    command.add_argument("--log-format", choices=["text", "json"], default="text")
    command.set_defaults(refuse=command.error)


def _run(options: argparse.Namespace, output: Output) -> int:
    if options.config is not None:
        return _scheduled(options, output)
    if not options.symbols or options.start is None:
        options.refuse("give symbols and --start, or --config FILE")
    provider = open_provider(options)
    run = begin_run(options)
    series, span = (options.symbols, options.timeframe), (options.start, options.end)
    with on_sigterm(run.terminate):
        report = run.work(_starter(provider, options, *series, *span))
    if report is None:
        output.problem(MarketkitError(f"left on {run.stopped}; the same command goes on"))
        return run.code
    output.report(report)
    if not report.complete and not output.as_json:
        _say_missing(provider, report, output)
    return run.code


def _starter(  # noqa: PLR0917 - the arguments of a backfill, in their order
    provider: SmartDataProvider,
    options: argparse.Namespace,
    symbols: list[str],
    timeframe: str,
    start: str | datetime,
    end: str | None = None,
) -> Callable[[bool], Job]:
    """Make the function that starts a backfill, with progress shown or not."""
    return lambda show: provider.backfill(
        symbols,
        timeframe,
        start=start,
        end=end,
        verify=options.verify,
        order=options.order or "newest",
        patience=options.patience or "12h",
        show=show,
    )


def _say_missing(provider: SmartDataProvider, report: Report, output: Output) -> None:
    gaps = provider.lake().gaps(report.symbols, report.timeframe, report.start, report.end)
    if gaps.height:
        output.say("missing:")
        output.table(gaps)


def _scheduled(options: argparse.Namespace, output: Output) -> int:
    """Do the backfills of a file and end with one line for monitoring, also after a failure."""
    from filelock import Timeout  # noqa: PLC0415 - slow, `--help` needs none

    config = _read_file(options)
    provider = open_provider(options)
    run = begin_run(options)
    state, code = "", None
    try:
        with _only_run(provider.lake(), options.config), on_sigterm(run.terminate):
            _chores(provider, config, options, run)
    except Timeout:
        state, code = "busy: another run of this file is at work", INCOMPLETE
    except MarketkitError as error:
        state, code = f"failed: {error}", FAILED
    _say_summary(output, run.summary(state), options)
    return run.code if code is None else code


def _read_file(options: argparse.Namespace) -> Config:
    """Read the file of `--config`, for the options that the command line leaves open."""
    from marketkit.data.jobs.config import read_config  # noqa: PLC0415 - slow

    if options.symbols or options.start or options.end:
        raise InputError("--config says which symbols and since when: leave them out")
    config = read_config(options.config)
    for name in ("lake", "endpoint", "region", "verify", "order", "patience", "max_time"):
        if getattr(options, name) is None:
            setattr(options, name, getattr(config, name))
    return config


def _chores(
    provider: SmartDataProvider, config: Config, options: argparse.Namespace, run: CommandRun
) -> None:
    from marketkit.data.jobs.config import chores, moment  # noqa: PLC0415 - slow
    from marketkit.timeframe import parse_time  # noqa: PLC0415 - slow

    markets, now = _listed(provider, options.patience, run)
    for chore in chores(config, markets, provider.lake(), parse_time(now)):
        if run.stopped:
            return
        symbols, start = list(chore.symbols), moment(chore.start)
        try:
            report = run.work(_starter(provider, options, symbols, chore.timeframe, start))
        except UnknownSymbol as none:  # of this piece of work no market is listed
            run.unlisted.append(none.symbol)
            sys.stderr.write(f"{none.symbol} {chore.timeframe}: {none}\n")
            continue
        for symbol, failure in report.failures.items() if report is not None else ():
            sys.stderr.write(f"{symbol} {chore.timeframe}: {failure}\n")


def _listed(
    provider: SmartDataProvider, patience: str, run: CommandRun
) -> tuple[pl.DataFrame, datetime]:
    """Get the market list and the exchange's time, as soon as the exchange is there."""
    from marketkit.timeframe import parse_duration  # noqa: PLC0415 - slow

    began, longest = time.monotonic(), parse_duration(patience) / 1000
    while True:
        try:
            return provider.get_market(), provider.exchange_time()
        except (NetworkError, ServerFailed, Banned) as failure:
            if run.stopped or time.monotonic() - began > longest or run.over:
                raise
            sys.stderr.write(f"waiting for the exchange: {failure}\n")
        run.ended.wait(min(_PAUSE, longest))


@contextmanager
def _only_run(lake: Lake, config: Path) -> Iterator[None]:
    """Be the only run of a file on a lake. Raises `filelock.Timeout` if there is another."""
    import hashlib  # noqa: PLC0415 - slow, as is the next

    from filelock import FileLock  # noqa: PLC0415

    lake.require_writable()
    locks = lake.root / ".locks"
    locks.mkdir(exist_ok=True)
    name = hashlib.sha256(str(config.resolve()).encode()).hexdigest()[:10]
    with FileLock(locks / f"backfill-{name}.lock", timeout=0):
        yield


def _say_summary(output: Output, summary: dict[str, object], options: argparse.Namespace) -> None:
    if options.log_format == "json" and not output.as_json:
        output = Output(as_json=True)
    output.value(**summary)
    output.say(
        "marketkit backfill: " + " ".join(f"{name}={value}" for name, value in summary.items())
    )


_TEXT = "Fill the lake with candles; running it again continues."
COMMAND = Command("backfill", _TEXT, _run, _arguments)
