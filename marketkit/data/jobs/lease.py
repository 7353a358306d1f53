"""What the ledger and those at work tell each other: tasks claimed, work done, how a job stands."""

from __future__ import annotations

from typing import NamedTuple

from marketkit.data.jobs.tasks import Task


class Done(NamedTuple):
    """What was done of a task: slots answered for, requests and rows that took."""

    slots: int = 0
    requests: int = 0
    rows: int = 0


class Claim(NamedTuple):
    """A task that this process has leased, how often it failed, and what was done of it before."""

    task: Task
    attempts: int
    before: Done


class Totals(NamedTuple):
    """All tasks of a job together: slots asked for and answered, work done, and what is left."""

    slots: int
    done: int
    requests: int
    rows: int
    open: int
    leased: int


class Beat(NamedTuple):
    """What a process learns at a beat: totals if it asked, what somebody wishes, lost leases."""

    totals: Totals | None
    wish: str | None
    lost: list[Task]
