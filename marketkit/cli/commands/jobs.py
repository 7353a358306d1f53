"""`marketkit jobs`: see, pause, cancel and go on with the backfills of a lake."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

from marketkit.cli.command import Command, Family, no_arguments
from marketkit.cli.options import open_lake, open_provider
from marketkit.cli.output import DONE, Output
from marketkit.cli.run import CommandRun, say_summary
from marketkit.cli.texts import JOBS
from marketkit.disk.system import on_ending

if TYPE_CHECKING:
    from marketkit.api.sync import SmartDataProvider
    from marketkit.data.jobs.job import Job
    from marketkit.data.jobs.tasks import BackfillRequest


def _name(view: argparse.ArgumentParser) -> None:
    view.add_argument("job", help="The name of the job, or its beginning; see marketkit jobs ls.")


def _ls(options: argparse.Namespace, output: Output) -> int:
    from marketkit.data.jobs.catalog import jobs  # noqa: PLC0415 - slow

    output.table(jobs(open_lake(options).root))
    return DONE


def _show(options: argparse.Namespace, output: Output) -> int:
    from marketkit.data.jobs.catalog import attempts, find, symbols  # noqa: PLC0415 - slow

    root = open_lake(options).root
    wanted = find(root, options.job)
    output.say(f"{wanted.id}: {wanted}")
    output.table(symbols(root, wanted.id))
    failed = attempts(root, wanted.id)
    if failed.height and not output.as_json:
        output.table(failed)
    return DONE


def _resume(options: argparse.Namespace, output: Output) -> int:
    from marketkit.data.jobs.catalog import find, jobs  # noqa: PLC0415 - slow

    root = open_lake(options).root
    wanted = find(root, options.job)
    (running,) = jobs(root).filter(job=wanted.id)["processes"]
    if running:
        return _tell(options, output, None, "goes on in the processes at work on it")
    run = CommandRun(deadline=None)
    try:
        with on_ending(run.terminate):
            report = run.work(_starter(open_provider(options), wanted))
    finally:
        if run.cut:
            say_summary(output, run, options, root)
    if report is not None:
        output.report(report)
    return run.code


def _starter(provider: SmartDataProvider, wanted: BackfillRequest) -> Callable[[bool], Job]:
    """Make the function that starts a job again, with progress shown or not."""
    from marketkit.data.jobs.config import moment  # noqa: PLC0415 - slow

    return lambda show: provider.backfill(
        list(wanted.symbols),
        wanted.timeframe,
        start=moment(wanted.start),
        end=None if wanted.end is None else moment(wanted.end),
        show=show,
    )


def _pause(options: argparse.Namespace, output: Output) -> int:
    return _tell(options, output, "pause", "is paused within a second")


def _cancel(options: argparse.Namespace, output: Output) -> int:
    return _tell(options, output, "cancel", "ends within a second; what was fetched stays")


def _tell(options: argparse.Namespace, output: Output, command: str | None, effect: str) -> int:
    """Leave a command for the processes at work on a job."""
    from marketkit.data.jobs.catalog import find  # noqa: PLC0415 - slow
    from marketkit.data.jobs.ledger import Ledger  # noqa: PLC0415 - slow

    root = open_lake(options).root
    wanted = find(root, options.job)
    with Ledger(root) as ledger:
        ledger.command(wanted.id, command)
    output.say(f"{wanted.id}: {wanted} {effect}")
    output.value(job=wanted.id, wish=command)
    return DONE


def _view(
    name: str,
    run: Callable[[argparse.Namespace, Output], int],
    arguments: Callable[[argparse.ArgumentParser], None] = no_arguments,
) -> Command:
    said = JOBS[name]
    return Command(name, said.text, run, arguments, example=said.example, codes=said.codes)


COMMAND = Family(
    "jobs",
    "See and steer the backfills of this lake, in whatever process they are at work.",
    (
        _view("ls", _ls),
        _view("show", _show, _name),
        _view("resume", _resume, _name),
        _view("pause", _pause, _name),
        _view("cancel", _cancel, _name),
    ),
    example=JOBS["ls"].example,
)
