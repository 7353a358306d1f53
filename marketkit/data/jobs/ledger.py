"""The ledger of work: jobs, tasks and the processes at work, in SQLite beside the lake.

The lake alone says what is covered; the ledger says who is about to fetch what. So it may be
deleted or broken at any time: it begins again empty, and jobs are planned anew from the lake.

A task is leased by one process at a time, and so is each piece of history: a task that overlaps one
at work, of whatever job, waits for it. A lease ends with the process that holds it: when it lets
go, when it is dead, or when it has not been heard of for a minute.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Self

from marketkit.data.jobs import processes
from marketkit.data.jobs.ledger_db import LedgerFile, LedgerReset
from marketkit.data.jobs.ledger_rows import check_rows, checked
from marketkit.data.jobs.processes import Worker
from marketkit.data.jobs.tasks import BackfillRequest, Heartbeat, Lease, Task, Totals, Work
from marketkit.errors import MarketkitError

ENDED = ("done", "incomplete", "cancelled", "failed")

_FAR = 3600.0  # no retry is put off for longer, unless somebody set the clock back
# A task planned again keeps what was done of it; what the lake lost in between is open again.
_PLAN = """
    INSERT INTO tasks VALUES (?, ?, ?, ?, ?, ?, ?, 'open', NULL, ?, 0, 0, 0, 0, 0, NULL)
    ON CONFLICT DO UPDATE SET
        start = min(start, excluded.start), end = max(end, excluded.end), place = excluded.place,
        slots = max(slots, excluded.slots),
        done = max(slots, excluded.slots) - excluded.slots,
        state = iif(state = 'leased', state, 'open'), attempts = 0, due = 0, error = NULL
"""
_DROP_UNPLANNED = (
    "DELETE FROM tasks WHERE job = ? AND state = 'open' AND place IS NULL AND done = 0"
)
_NEXT = """
    SELECT symbol, block, start, end, slots, attempts, done, requests, rows FROM tasks AS mine
    WHERE job = ? AND state = 'open' AND NOT (due > ? AND due <= ?) AND NOT EXISTS (
        SELECT 1 FROM tasks AS other WHERE other.state = 'leased' AND other.symbol = mine.symbol
            AND other.timeframe = mine.timeframe
            AND other.start < mine.end AND other.end > mine.start
    )
    ORDER BY place LIMIT 1
"""
_TOTALS = """
    SELECT total(slots), total(done), total(requests), total(rows),
        count(*) FILTER (WHERE state = 'open'), count(*) FILTER (WHERE state = 'leased')
    FROM tasks WHERE job = ?
"""
_LEASE = """
    UPDATE tasks SET state = 'leased', worker = ? WHERE job = ? AND symbol = ? AND block = ?
"""
_PUT_OFF = "UPDATE tasks SET attempts = ?, due = ? WHERE job = ? AND symbol = ? AND block = ?"
_REPORT = """
    UPDATE tasks SET done = max(done, min(slots, ?)), requests = ?, rows = ?
    WHERE job = ? AND symbol = ? AND block = ? AND worker = ?
"""
_END = """
    UPDATE tasks SET state = ?, worker = NULL, error = ?, done = iif(?, slots, done)
    WHERE job = ? AND symbol = ? AND block = ?
"""


class Ledger:
    """The ledger of the lake at `root`; any thread may use a ledger, one at a time.

    Use it as a context manager. Raises `NotWritable` where nothing can be written, `LakeError` when
    others hold it for too long, and `LedgerReset` when it had to begin again empty.
    """

    def __init__(self, root: Path) -> None:
        self._file = LedgerFile(root)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; the next question opens a new connection."""
        self._file.close()

    def open(self, wanted: BackfillRequest, planned: Sequence[Task]) -> None:
        """Begin a job, or go on with one that was interrupted, or join one that is at work.

        A job that had ended begins again.
        """
        job, now = wanted.id, _now()

        def write(ledger: sqlite3.Connection) -> None:
            alive = processes.expire(ledger)
            found = ledger.execute("SELECT state FROM jobs WHERE id = ?", (job,)).fetchone()
            anew = found is not None and job not in alive
            if anew and found[0] in ENDED:
                ledger.execute("DELETE FROM tasks WHERE job = ?", (job,))
                ledger.execute("DELETE FROM errors WHERE job = ?", (job,))
            if anew:
                ledger.execute("UPDATE tasks SET place = NULL WHERE job = ?", (job,))
            ledger.execute(
                "INSERT INTO jobs VALUES (?, ?, 'running', '', NULL, ?, ?) ON CONFLICT DO UPDATE"
                " SET state = 'running', note = '', wish = NULL, updated = excluded.updated",
                (job, wanted.write(), now, now),
            )
            ledger.executemany(
                _PLAN,
                [
                    (job, *task[:4], wanted.timeframe, place, task.slots)
                    for place, task in enumerate(planned)
                ],
            )
            # A plan may be cut otherwise than the one before: nothing is to be counted twice.
            ledger.execute(_DROP_UNPLANNED, (job,))

        self._file.do(write)

    def register(self, job: str) -> Worker:
        """Register this process as one that works on a job."""
        me = processes.myself(job)
        self._file.do(lambda ledger: processes.register(ledger, me))
        return me

    def lease(self, me: Worker) -> Lease | None:
        """Lease the next task that nobody works on; None when there is none now."""

        def write(ledger: sqlite3.Connection) -> Lease | None:
            now = _now() / 1000
            found = ledger.execute(_NEXT, (me.job, now, now + _FAR)).fetchone()
            if found is None:
                return None
            task, attempts, before = checked(Task(*found[:5])), found[5], Work(*found[6:])
            ledger.execute(_LEASE, (me.id, me.job, *task[:2]))
            return Lease(task, attempts, before)

        return self._file.do(write)

    def finish(self, me: Worker, lease: Lease, done: Work) -> None:
        """Say that a task is done."""
        self._end(me, lease, "done", done)

    def fail(self, me: Worker, lease: Lease, done: Work, error: MarketkitError) -> None:
        """Give a task up, and with the task all that is left of the symbol in this job."""

        def write(ledger: sqlite3.Connection) -> None:
            _note(ledger, me, lease, error)
            ledger.execute(
                "UPDATE tasks SET state = 'failed', error = ?"
                " WHERE job = ? AND symbol = ? AND state = 'open'",
                (str(error), me.job, lease.task.symbol),
            )

        self._end(me, lease, "failed", done, error)
        self._file.do(write)

    def put_off(
        self, me: Worker, lease: Lease, done: Work, error: MarketkitError, seconds: float
    ) -> None:
        """Give a task back, to be tried again after `seconds`."""

        def write(ledger: sqlite3.Connection) -> None:
            _note(ledger, me, lease, error)
            ledger.execute(
                _PUT_OFF, (lease.attempts + 1, _now() / 1000 + seconds, me.job, *lease.task[:2])
            )

        self._end(me, lease, "open", done, error)
        self._file.do(write)

    def give_back(self, me: Worker, lease: Lease, done: Work) -> None:
        """Give a task back unfinished, for anybody to go on with."""
        self._end(me, lease, "open", done)

    def settle_before(self, job: str, symbol: str, moment: int) -> None:
        """Settle the tasks of a symbol that lie before the moment of the listing."""
        self._file.do(
            lambda ledger: ledger.execute(
                "UPDATE tasks SET state = 'done', done = slots"
                " WHERE job = ? AND symbol = ? AND state = 'open' AND end <= ?",
                (job, symbol, moment),
            )
        )

    def beat(
        self,
        me: Worker,
        at_work: Iterable[tuple[Lease, Work]],
        note: str,
        *,
        count: bool = False,
    ) -> Heartbeat:
        """Beat as a process that lives: report progress, and learn how the job stands.

        To `count` the totals takes a look at every task: milliseconds where there are thousands.
        """

        def write(ledger: sqlite3.Connection) -> Heartbeat:
            processes.register(ledger, me)  # again, if somebody took it for dead
            processes.expire(ledger)
            lost = [lease.task for lease, done in at_work if not _report(ledger, me, lease, done)]
            ledger.execute(
                "UPDATE jobs SET updated = ?, note = ? WHERE id = ?", (_now(), note, me.job)
            )
            command = ledger.execute("SELECT wish FROM jobs WHERE id = ?", (me.job,)).fetchone()
            if command is None:
                raise LedgerReset
            return Heartbeat(_totals(ledger, me.job) if count else None, command[0], lost)

        return self._file.do(write)

    def leave(self, me: Worker, state: str, note: str = "") -> None:
        """Let go of every lease; the last process to leave sets the state of the job."""

        def write(ledger: sqlite3.Connection) -> None:
            processes.remove(ledger, me.id)
            if me.job not in processes.expire(ledger):
                ledger.execute(
                    "UPDATE jobs SET state = ?, note = ?, wish = NULL, updated = ? WHERE id = ?",
                    (state, note, _now(), me.job),
                )

        self._file.do(write)

    def command(self, job: str, command: str | None) -> bool:
        """Ask all processes at work on a job to `pause` or `cancel` or (None) to go on.

        A job that nobody works on is cancelled at once. False for a job that is not known.
        """

        def write(ledger: sqlite3.Connection) -> bool:
            known = ledger.execute("UPDATE jobs SET wish = ? WHERE id = ?", (command, job)).rowcount
            if command == "cancel" and job not in processes.expire(ledger):
                ledger.execute(
                    "UPDATE jobs SET state = 'cancelled', wish = NULL"
                    " WHERE id = ? AND state NOT IN ('done', 'incomplete', 'failed')",
                    (job,),
                )
            return bool(known)

        return self._file.do(write)

    def totals(self, job: str) -> Totals:
        """Add the tasks of a job up."""
        return self._file.do(lambda ledger: _totals(ledger, job))

    def failures(self, job: str) -> dict[str, str]:
        """Give the errors of the symbols that were given up."""
        asked = "SELECT symbol, error FROM tasks WHERE job = ? AND state = 'failed'"
        return self._file.do(lambda ledger: dict(ledger.execute(asked, (job,)).fetchall()))

    def read(self, query: str, *values: object) -> list[tuple[object, ...]]:
        """Answer a question about the tables, after these were checked and the dead removed."""

        def ask(ledger: sqlite3.Connection) -> list[tuple[object, ...]]:
            check_rows(ledger)
            processes.expire(ledger)
            return ledger.execute(query, values).fetchall()

        return self._file.do(ask)

    def knows(self, job: str) -> bool:
        """Say whether there is such a job; a ledger that is not there is not made for that."""
        asked = "SELECT 1 FROM jobs WHERE id = ?"
        return self._file.path.exists() and bool(
            self._file.do(lambda ledger: ledger.execute(asked, (job,)).fetchone())
        )

    def _end(
        self,
        me: Worker,
        lease: Lease,
        state: str,
        done: Work,
        error: MarketkitError | None = None,
    ) -> None:
        message = None if error is None else str(error)

        def write(ledger: sqlite3.Connection) -> None:
            if _report(ledger, me, lease, done):
                ledger.execute(_END, (state, message, state == "done", me.job, *lease.task[:2]))

        self._file.do(write)


def _report(ledger: sqlite3.Connection, me: Worker, lease: Lease, done: Work) -> bool:
    """Count the work done under a lease; False if the lease is no longer ours."""
    now = map(sum, zip(lease.before, done, strict=True))
    return bool(ledger.execute(_REPORT, (*now, me.job, *lease.task[:2], me.id)).rowcount)


def _note(ledger: sqlite3.Connection, me: Worker, lease: Lease, error: MarketkitError) -> None:
    row = (me.job, *lease.task[:2], _now(), lease.attempts + 1, str(error))
    ledger.execute("INSERT INTO errors VALUES (?, ?, ?, ?, ?, ?)", row)


def _totals(ledger: sqlite3.Connection, job: str) -> Totals:
    return Totals(*[int(each) for each in ledger.execute(_TOTALS, (job,)).fetchone()])


def _now() -> int:
    # machine's clock: all processes at a job read it, and it outlasts a boot. It says when a retry
    # is due (after it was set, that is at once) and dates for people; leases go by time since boot.
    return time.time_ns() // 1_000_000
