"""`marketkit backfill` and `marketkit jobs`: fill the lake by hand, from a file, on a timer."""

from __future__ import annotations

import argparse
import concurrent.futures
import hashlib
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from marketkit.cli_lake import add_range
from marketkit.errors import Banned, InputError, MarketkitError, NetworkError, ServerFailed
from marketkit.output import DONE, FAILED, INCOMPLETE, Output
from marketkit.settings import resolve_endpoint, resolve_lake

if TYPE_CHECKING:
    import polars as pl

    from marketkit.jobs.config import Config
    from marketkit.jobs.job import Job
    from marketkit.jobs.report import Report
    from marketkit.twin import SmartDataProvider

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


def add_jobs(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add `jobs` and what it can do to the command line."""
    jobs = commands.add_parser("jobs", help="Backfills of this lake, in whatever process.")
    views = jobs.add_subparsers(required=True, metavar="view")
    for name, run, text in (
        ("ls", _ls, "all jobs, the latest first"),
        ("show", _show, "one job: how each symbol stands"),
        ("resume", _resume, "go on with a job that was paused, interrupted or stopped"),
        ("pause", _pause, "have all processes at work on a job hold it"),
        ("cancel", _cancel, "end a job, in whatever process"),
    ):
        view = views.add_parser(name, parents=[common], help=text, description=text)
        if name != "ls":
            view.add_argument("job", help="its name, or the beginning of it")
        view.set_defaults(run=run)


@dataclass(slots=True)
class Shift:
    """One run of the command: what its jobs brought, when it ends, what ended it early."""

    deadline: float | None
    as_json: bool = False
    reports: list[Report] = field(default_factory=list)
    stopped: str = ""
    job: Job | None = None
    began: float = field(default_factory=time.monotonic)
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def over(self) -> bool:
        """Whether its time is up."""
        return self.deadline is not None and time.monotonic() >= self.deadline

    def work(self, start: Callable[[bool], Job]) -> Report | None:
        """Do one job to its end; None if the shift is over before."""
        self.job = job = start(not self.as_json)
        reporter = self._reporter(job) if self.as_json else None
        try:
            report = job.wait(None if self.deadline is None else self.deadline - time.monotonic())
            self.reports.append(report)
        except TimeoutError:
            self.stopped = "max-time"
            job.leave()
        except concurrent.futures.CancelledError:
            self.stopped = self.stopped or "cancelled"
        except KeyboardInterrupt:
            job.leave()
            job.join()
            raise
        else:
            return report
        finally:
            if reporter is not None:
                reporter.close()
        job.join()
        return None

    def terminate(self, *_: object) -> None:
        """Leave after the pages in hand are written: what SIGTERM asks for."""
        self.stopped = "SIGTERM"
        self.ended.set()
        if self.job is not None:
            self.job.leave()

    @property
    def code(self) -> int:
        """The exit code."""
        complete = not self.stopped and all(report.complete for report in self.reports)
        return DONE if complete else INCOMPLETE

    def summary(self, state: str = "") -> dict[str, object]:
        """Say in one line's worth what came of it."""
        done = "done" if self.code == DONE else "incomplete"
        return {
            "state": state or self.stopped or done,
            "jobs": len(self.reports),
            "symbols": len({symbol for each in self.reports for symbol in each.symbols}),
            "slots": sum(each.slots for each in self.reports),
            "unknown": sum(each.unknown for each in self.reports),
            "requests": sum(each.requests for each in self.reports),
            "rows": sum(each.rows for each in self.reports),
            "revisions": sum(each.revisions for each in self.reports),
            "failures": sum(len(each.failures) for each in self.reports),
            "seconds": round(time.monotonic() - self.began, 1),
        }

    def _reporter(self, job: Job) -> Any:
        from marketkit.jobs.progress import Reporter  # noqa: PLC0415 - slow, `--help` needs none

        reporter = Reporter(job.progress, as_json=True)
        job.watch(reporter.update)
        return reporter


@contextmanager
def terminable(shift: Shift) -> Iterator[Shift]:
    """Have SIGTERM end a shift in good order."""
    before = signal.signal(signal.SIGTERM, shift.terminate)
    try:
        yield shift
    finally:
        signal.signal(signal.SIGTERM, before)


def _shift(options: argparse.Namespace, max_time: str | None) -> Shift:
    from marketkit.jobs.backfill import parse_window  # noqa: PLC0415 - slow

    seconds = None if max_time is None else parse_window(max_time) / 1000
    deadline = None if seconds is None else time.monotonic() + seconds
    return Shift(deadline, options.log_format == "json")


def backfill(options: argparse.Namespace, output: Output) -> int:
    """Fill the lake as the command line or its file says."""
    if options.config is not None:
        return _scheduled(options, output)
    if not options.symbols or options.start is None:
        options.refuse("give symbols and --start, or --config FILE")
    provider = _provider(options)
    with terminable(_shift(options, options.max_time)) as shift:
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

    from marketkit.jobs.config import read_config  # noqa: PLC0415 - slow

    if options.symbols or options.start or options.end:
        raise InputError("--config says which symbols and since when: leave them out")
    config = read_config(options.config)
    for name in ("lake", "endpoint", "region", "verify", "order", "patience", "max_time"):
        if getattr(options, name) is None:
            setattr(options, name, getattr(config, name))
    provider = _provider(options)
    shift = _shift(options, options.max_time)
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
    provider: SmartDataProvider, config: Config, options: argparse.Namespace, shift: Shift
) -> None:
    from marketkit.jobs.backfill import parse_window  # noqa: PLC0415 - slow
    from marketkit.jobs.config import chores, moment  # noqa: PLC0415 - slow

    markets = _markets(provider, parse_window(options.patience) / 1000, shift)
    now = time.time_ns() // 1_000_000
    for chore in chores(config, markets, provider.lake(), now):
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


def _markets(provider: SmartDataProvider, patience: float, shift: Shift) -> pl.DataFrame:
    """Give the market list, when the exchange is there."""
    began = time.monotonic()
    while True:
        try:
            markets: pl.DataFrame = provider.get_market()
        except (NetworkError, ServerFailed, Banned) as failure:
            if shift.stopped or time.monotonic() - began > patience or shift.over:
                raise
            sys.stderr.write(f"waiting for the exchange: {failure}\n")
        else:
            return markets
        shift.ended.wait(min(_PAUSE, patience))


@contextmanager
def _only_run(root: Path, config: Path) -> Iterator[None]:
    """Be the only run of a file on a lake. Raises `filelock.Timeout` if there is another."""
    from filelock import FileLock  # noqa: PLC0415

    from marketkit.lake.lake import Lake  # noqa: PLC0415 - slow

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


def _ls(options: argparse.Namespace, output: Output) -> int:
    from marketkit.jobs.catalog import jobs  # noqa: PLC0415 - slow

    output.table(jobs(_root(options)))
    return DONE


def _show(options: argparse.Namespace, output: Output) -> int:
    from marketkit.jobs.catalog import find, symbols  # noqa: PLC0415 - slow

    wanted = find(_root(options), options.job)
    output.say(f"{wanted.id}: {wanted}")
    output.table(symbols(_root(options), wanted.id))
    return DONE


def _resume(options: argparse.Namespace, output: Output) -> int:
    from marketkit.jobs.catalog import find, jobs  # noqa: PLC0415 - slow
    from marketkit.jobs.config import moment  # noqa: PLC0415 - slow

    wanted = find(_root(options), options.job)
    (running,) = jobs(_root(options)).filter(job=wanted.id)["processes"]
    if running:
        return _wish(options, output, None, "goes on in the processes at work on it")
    provider = _provider(options)
    with terminable(Shift(None)) as shift:
        report = shift.work(
            lambda show: provider.backfill(
                list(wanted.symbols),
                wanted.timeframe,
                start=moment(wanted.start),
                end=None if wanted.end is None else moment(wanted.end),
                show=show,
            )
        )
    if report is not None:
        output.report(report)
    return shift.code


def _pause(options: argparse.Namespace, output: Output) -> int:
    return _wish(options, output, "pause", "is paused within a second")


def _cancel(options: argparse.Namespace, output: Output) -> int:
    return _wish(options, output, "cancel", "ends within a second; what was fetched stays")


def _wish(options: argparse.Namespace, output: Output, wish: str | None, said: str) -> int:
    from marketkit.jobs.catalog import find  # noqa: PLC0415 - slow
    from marketkit.jobs.ledger import Ledger  # noqa: PLC0415 - slow

    wanted = find(_root(options), options.job)
    with Ledger(_root(options)) as ledger:
        ledger.wish(wanted.id, wish)
    output.say(f"{wanted.id}: {wanted} {said}")
    output.value(job=wanted.id, wish=wish)
    return DONE


def _root(options: argparse.Namespace) -> Path:
    return resolve_lake(options.lake, resolve_endpoint(options.endpoint, options.region))


def _provider(options: argparse.Namespace) -> SmartDataProvider:
    from marketkit.twin import SmartDataProvider  # noqa: PLC0415 - slow, `--help` needs none

    return SmartDataProvider(endpoint=options.endpoint, region=options.region, lake=options.lake)
