"""Who does what: jobs, their tasks and the processes at work, in SQLite beside the lake.

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
from types import TracebackType
from typing import Self

from marketkit.data.jobs import processes as worker
from marketkit.data.jobs.ledger_db import Broken, LedgerFile
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
_STRIKE = "DELETE FROM tasks WHERE job = ? AND state = 'open' AND place IS NULL AND done = 0"
_CLAIM = """
    SELECT symbol, block, start, end, slots, attempts, done, requests, rows FROM tasks AS mine
    WHERE job = ? AND state = 'open' AND NOT due BETWEEN ? AND ? AND NOT EXISTS (
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
    UPDATE tasks SET state = ?1, worker = NULL, error = ?2, done = iif(?1 = 'done', slots, done)
    WHERE job = ?3 AND symbol = ?4 AND block = ?5
"""


class Ledger:
    """The ledger of the lake at `root`; any thread may use it, one at a time.

    Use it as a context manager. Raises `NotWritable` where nothing can be written, `LakeError` when
    others hold it for too long, and `Broken` when it had to begin again empty.
    """

    def __init__(self, root: Path) -> None:
        self._file = LedgerFile(root)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close it; the next question opens it again."""
        self._file.close()

    def open(self, wanted: BackfillRequest, planned: Sequence[Task]) -> None:
        """Begin a job, or go on with one that was interrupted, or join one that is at work.

        A job that had ended begins again.
        """
        job, now = wanted.id, _now()

        def write(ledger: sqlite3.Connection) -> None:
            alive = worker.bury(ledger)
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
            ledger.execute(_STRIKE, (job,))

        self._file.do(write)

    def enlist(self, job: str) -> Worker:
        """Say that this process works on a job."""
        me = worker.myself(job)
        self._file.do(lambda ledger: worker.enlist(ledger, me))
        return me

    def claim(self, me: Worker) -> Lease | None:
        """Lease the next task that nobody works on; None when there is none now."""

        def write(ledger: sqlite3.Connection) -> Lease | None:
            now = _now() / 1000
            found = ledger.execute(_CLAIM, (me.job, now, now + _FAR)).fetchone()
            if found is None:
                return None
            task, attempts, before = Task(*found[:5]), found[5], Work(*found[6:])
            ledger.execute(_LEASE, (me.id, me.job, *task[:2]))
            return Lease(task, attempts, before)

        return self._file.do(write)

    def finish(self, me: Worker, claim: Lease, done: Work) -> None:
        """Say that a task is done."""
        self._end(me, claim, "done", done)

    def fail(self, me: Worker, claim: Lease, done: Work, error: MarketkitError) -> None:
        """Give a task up, and with it all that is left of its symbol in this job."""

        def write(ledger: sqlite3.Connection) -> None:
            _note(ledger, me, claim, error)
            ledger.execute(
                "UPDATE tasks SET state = 'failed', error = ?"
                " WHERE job = ? AND symbol = ? AND state = 'open'",
                (str(error), me.job, claim.task.symbol),
            )

        self._end(me, claim, "failed", done, error)
        self._file.do(write)

    def put_off(
        self, me: Worker, claim: Lease, done: Work, error: MarketkitError, seconds: float
    ) -> None:
        """Give a task back, to be tried again after `seconds`."""

        def write(ledger: sqlite3.Connection) -> None:
            _note(ledger, me, claim, error)
            ledger.execute(
                _PUT_OFF, (claim.attempts + 1, _now() / 1000 + seconds, me.job, *claim.task[:2])
            )

        self._end(me, claim, "open", done, error)
        self._file.do(write)

    def give_back(self, me: Worker, claim: Lease, done: Work) -> None:
        """Give a task back as it is, for anybody to go on with."""
        self._end(me, claim, "open", done)

    def settle_before(self, job: str, symbol: str, moment: int) -> None:
        """Strike the tasks of a symbol that lie before the moment it came to the exchange."""
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
        """Say that this process lives and how far it is, and learn how the job stands.

        To `count` the totals takes a look at every task: milliseconds where there are thousands.
        """

        def write(ledger: sqlite3.Connection) -> Heartbeat:
            worker.enlist(ledger, me)  # again, if somebody took it for dead
            worker.bury(ledger)
            lost = [claim.task for claim, done in at_work if not _report(ledger, me, claim, done)]
            ledger.execute(
                "UPDATE jobs SET updated = ?, note = ? WHERE id = ?", (_now(), note, me.job)
            )
            wish = ledger.execute("SELECT wish FROM jobs WHERE id = ?", (me.job,)).fetchone()
            if wish is None:
                raise Broken
            return Heartbeat(_totals(ledger, me.job) if count else None, wish[0], lost)

        return self._file.do(write)

    def leave(self, me: Worker, state: str, note: str = "") -> None:
        """Let go of everything; the last to leave says what state the job is in then."""

        def write(ledger: sqlite3.Connection) -> None:
            worker.dismiss(ledger, me.id)
            if me.job not in worker.bury(ledger):
                ledger.execute(
                    "UPDATE jobs SET state = ?, note = ?, wish = NULL, updated = ? WHERE id = ?",
                    (state, note, _now(), me.job),
                )

        self._file.do(write)

    def wish(self, job: str, wish: str | None) -> bool:
        """Ask all processes at work on a job to `pause` or `cancel` or (None) to go on.

        A job that nobody works on is cancelled at once. False for a job that is not known.
        """

        def write(ledger: sqlite3.Connection) -> bool:
            known = ledger.execute("UPDATE jobs SET wish = ? WHERE id = ?", (wish, job)).rowcount
            if wish == "cancel" and job not in worker.bury(ledger):
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
        """Give what the symbols failed with that were given up."""
        asked = "SELECT symbol, error FROM tasks WHERE job = ? AND state = 'failed'"
        return self._file.do(lambda ledger: dict(ledger.execute(asked, (job,)).fetchall()))

    def read(self, query: str, *values: object) -> list[tuple[object, ...]]:
        """Answer a question about the tables, after the dead were buried."""

        def ask(ledger: sqlite3.Connection) -> list[tuple[object, ...]]:
            worker.bury(ledger)
            return ledger.execute(query, values).fetchall()

        return self._file.do(ask)

    def knows(self, job: str) -> bool:
        """Say whether there is such a job; a ledger that is not there is not made for that."""
        return self._file.path.exists() and bool(self.read("SELECT 1 FROM jobs WHERE id = ?", job))

    def _end(
        self,
        me: Worker,
        claim: Lease,
        state: str,
        done: Work,
        error: MarketkitError | None = None,
    ) -> None:
        said = None if error is None else str(error)

        def write(ledger: sqlite3.Connection) -> None:
            if _report(ledger, me, claim, done):
                ledger.execute(_END, (state, said, me.job, *claim.task[:2]))

        self._file.do(write)


def _report(ledger: sqlite3.Connection, me: Worker, claim: Lease, done: Work) -> bool:
    """Put down how far a claim is; False if it is no longer ours."""
    now = map(sum, zip(claim.before, done, strict=True))
    return bool(ledger.execute(_REPORT, (*now, me.job, *claim.task[:2], me.id)).rowcount)


def _note(ledger: sqlite3.Connection, me: Worker, claim: Lease, error: MarketkitError) -> None:
    row = (me.job, *claim.task[:2], _now(), claim.attempts + 1, str(error))
    ledger.execute("INSERT INTO errors VALUES (?, ?, ?, ?, ?, ?)", row)


def _totals(ledger: sqlite3.Connection, job: str) -> Totals:
    return Totals(*map(int, ledger.execute(_TOTALS, (job,)).fetchone()))


def _now() -> int:
    # machine's clock: all processes at a job read it, and it outlasts a boot. It says when a retry
    # is due (after it was set, that is at once) and dates for people; leases go by time since boot.
    return time.time_ns() // 1_000_000
