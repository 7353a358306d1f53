"""One run of a command that does jobs: until when, what came of it, and how it is ended early."""

from __future__ import annotations

import argparse
import concurrent.futures
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from marketkit.cli.output import DONE, INCOMPLETE
from marketkit.timeframe import parse_duration

if TYPE_CHECKING:
    from marketkit.data.jobs.job import Job
    from marketkit.data.jobs.report import Report


@dataclass(slots=True)
class CommandRun:
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
        from marketkit.progress import Reporter  # noqa: PLC0415 - slow, `--help` needs none

        reporter = Reporter(job.progress, as_json=True)
        job.watch(reporter.update)
        return reporter


@contextmanager
def terminable(shift: CommandRun) -> Iterator[CommandRun]:
    """Have SIGTERM end a shift in good order."""
    before = signal.signal(signal.SIGTERM, shift.terminate)
    try:
        yield shift
    finally:
        signal.signal(signal.SIGTERM, before)


def begin_shift(options: argparse.Namespace) -> CommandRun:
    """Begin a run as the command line says."""
    longest = options.max_time
    seconds = None if longest is None else parse_duration(longest) / 1000
    deadline = None if seconds is None else time.monotonic() + seconds
    return CommandRun(deadline, options.log_format == "json")
