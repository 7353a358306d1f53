"""`marketkit jobs`: see, pause, cancel and go on with the backfills of a lake."""

from __future__ import annotations

import argparse
from typing import Any

from marketkit.cli.options import lake_root, open_provider
from marketkit.cli.output import DONE, Output
from marketkit.cli.run import CommandRun, terminable


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


def _ls(options: argparse.Namespace, output: Output) -> int:
    from marketkit.data.jobs.catalog import jobs  # noqa: PLC0415 - slow

    output.table(jobs(lake_root(options)))
    return DONE


def _show(options: argparse.Namespace, output: Output) -> int:
    from marketkit.data.jobs.catalog import attempts, find, symbols  # noqa: PLC0415 - slow

    wanted = find(lake_root(options), options.job)
    output.say(f"{wanted.id}: {wanted}")
    output.table(symbols(lake_root(options), wanted.id))
    failed = attempts(lake_root(options), wanted.id)
    if failed.height and not output.as_json:
        output.table(failed)
    return DONE


def _resume(options: argparse.Namespace, output: Output) -> int:
    from marketkit.data.jobs.catalog import find, jobs  # noqa: PLC0415 - slow
    from marketkit.data.jobs.config import moment  # noqa: PLC0415 - slow

    wanted = find(lake_root(options), options.job)
    (running,) = jobs(lake_root(options)).filter(job=wanted.id)["processes"]
    if running:
        return _wish(options, output, None, "goes on in the processes at work on it")
    provider = open_provider(options)
    with terminable(CommandRun(None)) as shift:
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
    from marketkit.data.jobs.catalog import find  # noqa: PLC0415 - slow
    from marketkit.data.jobs.ledger import Ledger  # noqa: PLC0415 - slow

    wanted = find(lake_root(options), options.job)
    with Ledger(lake_root(options)) as ledger:
        ledger.command(wanted.id, wish)
    output.say(f"{wanted.id}: {wanted} {said}")
    output.value(job=wanted.id, wish=wish)
    return DONE
