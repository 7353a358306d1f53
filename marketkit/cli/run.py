"""One run of a command that does jobs: the deadline, the reports, and an early end."""

from __future__ import annotations

import argparse
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from marketkit.cli.output import DONE, INCOMPLETE
from marketkit.errors import MarketkitError

if TYPE_CHECKING:
    from marketkit.data.jobs.job import Job
    from marketkit.data.jobs.report import Report


@dataclass(slots=True)
class CommandRun:
    """The jobs of one command; `deadline` is a moment of `time.monotonic`, or None.

    `stopped` is the reason of an early end, or empty; `unlisted` are markets whose job never began.
    """

    deadline: float | None
    as_json: bool = False
    reports: list[Report] = field(default_factory=list)
    stopped: str = ""
    job: Job | None = None
    began: float = field(default_factory=time.monotonic)
    ended: threading.Event = field(default_factory=threading.Event)
    unlisted: list[str] = field(default_factory=list)

    @property
    def over(self) -> bool:
        """Whether the deadline has passed."""
        return self.deadline is not None and time.monotonic() >= self.deadline

    def work(self, start: Callable[[bool], Job]) -> Report | None:
        """Do one job and give the report; None after an early end."""
        self.job = start(not self.as_json)
        reporter = self._reporter(self.job) if self.as_json else None
        try:
            report = self._wait(self.job)
        except KeyboardInterrupt:
            self.job.leave()
            self.job.join()
            raise
        finally:
            if reporter is not None:
                reporter.close()
        if report is None:
            self.job.join()
        else:
            self.reports.append(report)
        return report

    def _wait(self, job: Job) -> Report | None:
        """Wait for the end of a job, or note the reason of an early end."""
        from concurrent.futures import CancelledError  # noqa: PLC0415 - slow, `--help` needs none

        try:
            return job.wait(None if self.deadline is None else self.deadline - time.monotonic())
        except TimeoutError as late:
            if isinstance(late, MarketkitError):  # a request's time-out, not the end of ours
                raise
            self.stopped = "max-time"
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

    @property
    def code(self) -> int:
        """The exit code."""
        whole = not self.stopped and not self.unlisted
        complete = whole and all(report.complete for report in self.reports)
        return DONE if complete else INCOMPLETE

    def summary(self, state: str = "") -> dict[str, object]:
        """Add up the reports, for the one line that monitoring reads."""
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
            "failures": len(self.unlisted) + sum(len(each.failures) for each in self.reports),
            "seconds": round(time.monotonic() - self.began, 1),
        }

    def _reporter(self, job: Job) -> Any:
        from marketkit.progress import Reporter  # noqa: PLC0415 - slow, `--help` needs none

        reporter = Reporter(job.progress, as_json=True)
        job.watch(reporter.update)
        return reporter


def begin_run(options: argparse.Namespace) -> CommandRun:
    """Begin a run with the deadline and the form of log that were chosen."""
    from marketkit.timeframe import parse_duration  # noqa: PLC0415 - slow, `--help` needs none

    longest = options.max_time
    seconds = None if longest is None else parse_duration(longest) / 1000
    deadline = None if seconds is None else time.monotonic() + seconds
    return CommandRun(deadline, options.log_format == "json")


@contextmanager
def on_sigterm(action: Callable[[], object]) -> Iterator[None]:
    """Call `action` at each SIGTERM meanwhile; outside the main thread nothing changes."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda *_: action())
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def interrupt() -> None:
    """End a command as Ctrl-C does, so that everything held is written and closed."""
    raise KeyboardInterrupt
