"""One run of a command that does jobs: the deadline, the reports, and an early end."""

from __future__ import annotations

import argparse
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from marketkit.cli.deadline import OutOfTime, deadline_of, seconds_until, until
from marketkit.cli.output import DONE, INCOMPLETE, Output
from marketkit.errors import MarketkitError

if TYPE_CHECKING:
    from marketkit.data.jobs.job import Job
    from marketkit.data.jobs.report import Report

MAX_TIME = "max-time"  # a reason of an early end


class _Part(NamedTuple):
    """The figures of one job, with a report or without."""

    symbols: tuple[str, ...]
    slots: int
    unknown: int
    requests: int
    rows: int


def _of_report(report: Report) -> _Part:
    return _Part(report.symbols, report.slots, report.unknown, report.requests, report.rows)


def _of_cut(job: Job) -> _Part:
    so_far = job.progress
    left = max(0, so_far.total - so_far.done)
    return _Part(job.wanted.symbols, so_far.total, left, so_far.requests, so_far.rows)


@dataclass(slots=True)
class CommandRun:
    """The jobs of one command; `deadline` is a moment of `time.monotonic`, or None.

    `stopped` is the reason of an early end, or empty; `unlisted` are markets whose job never began,
    `cut` the jobs that ended without a report, and `planned` is how many jobs there are to do.
    """

    deadline: float | None
    as_json: bool = False
    reports: list[Report] = field(default_factory=list)
    stopped: str = ""
    job: Job | None = None
    began: float = field(default_factory=time.monotonic)
    ended: threading.Event = field(default_factory=threading.Event)
    unlisted: list[str] = field(default_factory=list)
    cut: list[Job] = field(default_factory=list)
    planned: int = 1

    @property
    def over(self) -> bool:
        """Whether the deadline has passed."""
        return self.deadline is not None and time.monotonic() >= self.deadline

    def work(self, start: Callable[[bool], Job]) -> Report | None:
        """Do one job and give the report; None after an early end."""
        try:
            with until(self.deadline):
                self.job = job = start(not self.as_json)
        except OutOfTime:
            self.stopped = MAX_TIME
            return None
        self.cut.append(job)  # unless a report comes
        reporter = self._reporter(job) if self.as_json else None
        try:
            report = self._wait(job)
        except KeyboardInterrupt:
            self.stopped = "Ctrl-C"
            job.leave()
            job.join()
            raise
        finally:
            if reporter is not None:
                reporter.close()
        if report is None:
            job.join()
        else:
            self.cut.remove(job)
            self.reports.append(report)
        return report

    def _wait(self, job: Job) -> Report | None:
        """Wait for the end of a job, or note the reason of an early end."""
        from concurrent.futures import CancelledError  # noqa: PLC0415 - slow, `--help` needs none

        try:
            return job.wait(seconds_until(self.deadline))
        except TimeoutError as late:
            if isinstance(late, MarketkitError):  # a request's time-out, not the end of ours
                raise
            self.stopped = MAX_TIME
            job.leave()
        except CancelledError:
            self.stopped = self.stopped or "cancelled"
        return None

    def terminate(self) -> None:
        """Leave after the pages in hand are written."""
        self.stopped = "SIGTERM"
        self.ended.set()
        if self.job is not None:
            self.job.leave()

    def tell(self, level: str, of: str, error: MarketkitError) -> None:
        """Print on stderr an error that does not end the run, in the form of the log."""
        Output(as_json=self.as_json).trouble(level, of, error)

    @property
    def code(self) -> int:
        """The exit code."""
        whole = not (self.stopped or self.unlisted or self.cut)
        complete = whole and all(report.complete for report in self.reports)
        return DONE if complete else INCOMPLETE

    def summary(self, state: str = "") -> dict[str, object]:
        """Add up reports and cut jobs, for the one line that monitoring reads.

        `done` and `unknown` are slots that are answered for and that are not: all that jobs with a
        report were asked for, and of one that was cut all that it was about to fetch. They are None
        where a job was cut before it knew, or none began; `left` are jobs without a report.
        """
        ended = "done" if self.code == DONE else "incomplete"
        parts = [*map(_of_report, self.reports), *map(_of_cut, self.cut)]
        told = all(part.slots for part in parts) and (bool(parts) or not self.stopped)
        slots, unknown = sum(part.slots for part in parts), sum(part.unknown for part in parts)
        return {
            "state": state or self.stopped or ended,
            "jobs": len(self.reports),
            "left": max(0, self.planned - len(self.reports) - len(self.unlisted)),
            "symbols": len({symbol for part in parts for symbol in part.symbols}),
            "slots": slots if told else None,
            "done": slots - unknown if told else None,
            "unknown": unknown if told else None,
            "requests": sum(part.requests for part in parts),
            "rows": sum(part.rows for part in parts),
            "revisions": sum(report.revisions for report in self.reports),
            "failures": len(self.unlisted) + sum(len(each.failures) for each in self.reports),
            "seconds": round(time.monotonic() - self.began, 1),
            "at": _now(),
        }

    def _reporter(self, job: Job) -> Any:
        from marketkit.progress import Reporter  # noqa: PLC0415 - slow, `--help` needs none

        reporter = Reporter(job.progress, as_json=True)
        job.watch(reporter.update)
        return reporter


def say_summary(
    output: Output, run: CommandRun, options: argparse.Namespace, root: Path, state: str = ""
) -> None:
    """Print the one line of a run, with the lake and the file."""
    given = {"config": getattr(options, "config", None), "shard": getattr(options, "shard", None)}
    where = {"lake": str(root), **{key: str(it) for key, it in given.items() if it is not None}}
    summary = run.summary(" ".join(state.split()))
    output.value(**summary, **where)
    said = [f"{name}={'?' if value is None else value}" for name, value in summary.items()]
    said += [f"{name}={_quoted(path)}" for name, path in where.items()]
    output.say(f"marketkit backfill: {' '.join(said)}")


def _quoted(path: str) -> str:
    """Spell a path so that the line can be cut at blanks."""
    return json.dumps(path, ensure_ascii=False) if " " in path else path


def _now() -> str:
    # machine's clock: the line stands among those of other programs of this machine
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"


def begin_run(options: argparse.Namespace) -> CommandRun:
    """Begin a run with the deadline and the form of log that were chosen."""
    return CommandRun(deadline_of(options), options.log_format == "json")
