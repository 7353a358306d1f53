"""`marketkit backfill`: fill the lake by hand, from a file, on a timer."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

from marketkit.cli.command import Command
from marketkit.cli.options import (
    DURATION,
    SYMBOLS,
    add_log_format,
    add_range,
    duration,
    open_provider,
    path,
    shard,
)
from marketkit.cli.output import DONE, FAILED, INCOMPLETE, INTERRUPTED, Output
from marketkit.cli.run import CommandRun, begin_run, say_summary
from marketkit.cli.schedule import only_run, read_file, scheduled
from marketkit.disk.system import on_ending
from marketkit.errors import InputError, LakeError, MarketkitError, NotWritable, UnknownSymbol

if TYPE_CHECKING:
    from datetime import datetime

    from marketkit.api.sync import SmartDataProvider
    from marketkit.data.jobs.config import Config
    from marketkit.data.jobs.job import Job
    from marketkit.data.jobs.report import Report


def _arguments(command: argparse.ArgumentParser) -> None:
    wanted_arguments(command)
    add = command.add_argument
    add("--verify", type=duration, help=f"Read the last {DURATION} again, to see what changed.")
    said = "Ask once more for all that the lake holds for older than the market."
    add("--recheck", action="store_true", help=said)
    said = f"Wait for an exchange that is away for so long: {DURATION}; 12h if none is given."
    add("--patience", type=duration, help=said)
    add("--max-time", type=duration, help=f"Leave after so long, and go on next time: {DURATION}.")
    add_log_format(command)


def wanted_arguments(command: argparse.ArgumentParser) -> None:
    """Add the candles wanted, by hand or from a file, and their order."""
    add = command.add_argument
    add("symbols", nargs="*", help=SYMBOLS)
    add_range(command, more=("trade",))
    command.set_defaults(timeframe=None)  # so that a file can refuse one
    said = "A TOML file that says what the lake holds, in place of symbols and times."
    add("--config", type=path, metavar="FILE", help=said)
    said = "A part of the file's markets, as 3/10 for the third of ten: each part for a machine."
    add("--shard", type=shard, metavar="N/ALL", help=said)
    said = "What comes first; newest if none is given."
    add("--order", choices=["newest", "oldest", "symbols"], help=said)
    said = "Take whole months and days from the exchange's archive of zip files."
    add("--archive", action="store_true", default=None, help=said)
    said = "A folder in which the archive's zips stay; without it they go away when they are used."
    add("--keep", type=path, metavar="FOLDER", help=said)


def _run(options: argparse.Namespace, output: Output) -> int:
    if options.config is not None:
        return _scheduled(options, output)
    need_symbols(options)
    provider, run = open_provider(options), begin_run(options)
    report = _work(provider, options, run, output)
    if report is None:
        output.problem(MarketkitError(f"left on {run.stopped}; the same command goes on"))
        return run.code
    output.report(report)
    if not report.complete and not output.as_json:
        _say_missing(provider, report, output)
    return run.code


def _work(
    provider: SmartDataProvider, options: argparse.Namespace, run: CommandRun, output: Output
) -> Report | None:
    """Do the one backfill; where that is cut, say how far the work came."""
    series, span, state = (options.symbols, options.timeframe), (options.start, options.end), ""
    try:
        with on_ending(run.terminate):
            return run.work(_starter(provider, options, *series, *span))
    except InputError:
        run.cut.clear()  # nothing was done, and nothing is left
        raise
    except MarketkitError as error:
        state = f"failed: {error}"
        raise
    finally:
        if run.cut or run.stopped:
            say_summary(output, run, options, provider.lake().root, state)


def need_symbols(options: argparse.Namespace) -> None:
    """End with bad usage where neither symbols nor a file are given, or a part of no file."""
    if options.shard is not None:
        options.refuse("--shard is a part of a file: give --config FILE, too")
    if not options.symbols or options.start is None:
        options.refuse("give symbols and --start, or --config FILE")
    options.timeframe = options.timeframe or "1m"


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
        recheck=options.recheck,
        order=options.order or "newest",
        patience=options.patience or "12h",
        archive=bool(options.archive),
        keep=options.keep,
        show=show,
    )


def _say_missing(provider: SmartDataProvider, report: Report, output: Output) -> None:
    from marketkit.data.jobs.trades import TradeReport  # noqa: PLC0415 - slow, `--help` needs none

    lake, series = provider.lake(), (report.symbols, report.timeframe)
    if isinstance(report, TradeReport):
        gaps = lake.trades.gaps(report.symbols, report.start, report.end)
    else:
        gaps = lake.gaps(*series, report.start, report.end)
    if gaps.height:
        output.say("missing:")
        output.table(gaps)


def _scheduled(options: argparse.Namespace, output: Output) -> int:
    """Do the backfills of a file and end with one line for monitoring, also after a failure."""
    from filelock import Timeout  # noqa: PLC0415 - slow, `--help` needs none

    config = read_file(options)
    provider, run = open_provider(options), begin_run(options)
    state, code = "", None
    try:
        alone = only_run(provider.lake(), options.config, options.shard)
        with alone, on_ending(run.terminate):
            _chores(provider, config, options, run)
    except Timeout:
        state, code = "busy: another run of this file is at work", INCOMPLETE
    except MarketkitError as error:
        state, code = f"failed: {error}", FAILED
    except KeyboardInterrupt:
        run.stopped, code = "Ctrl-C", INTERRUPTED
    say_summary(output, run, options, provider.lake().root, state)
    return run.code if code is None else code


def _chores(
    provider: SmartDataProvider, config: Config, options: argparse.Namespace, run: CommandRun
) -> None:
    from marketkit.data.jobs.config import moment  # noqa: PLC0415 - slow

    for chore in scheduled(provider, config, run, options.patience, options.shard):
        if run.stopped:
            return
        symbols, start = list(chore.symbols), moment(chore.start)
        try:
            report = run.work(_starter(provider, options, symbols, chore.timeframe, start))
        except UnknownSymbol as none:  # of this piece of work no market is listed
            run.unlisted.append(none.symbol)
            run.tell("error", f"{none.symbol} {chore.timeframe}", none)
            continue
        except LakeError as failure:
            if isinstance(failure, NotWritable):
                raise
            # Of all series of this piece of work; the next piece has others.
            run.tell("error", f"{' '.join(symbols)} {chore.timeframe}", failure)
            continue
        for symbol, trouble in report.failures.items() if report is not None else ():
            run.tell("error", f"{symbol} {chore.timeframe}", trouble)


COMMAND = Command(
    "backfill",
    "Fill the lake with candles. The same command goes on where it stopped, and asks for nothing"
    " twice. A run of a file, and one that is cut, end with a line that says what was done and what"
    " is left.",
    _run,
    _arguments,
    example="marketkit backfill KRW-BTC --timeframe 1m --start 2026-01-01 --end 2026-02-01",
    codes={
        DONE: "Every slot asked for is in the lake or proved empty.",
        INCOMPLETE: "Slots are still unknown, or the run was left early; the same command goes on.",
        INTERRUPTED: "Ctrl-C ended it, and what was fetched is kept.",
    },
)
