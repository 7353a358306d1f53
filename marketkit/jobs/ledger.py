"""Who does what: jobs, their tasks and the processes at work, in SQLite beside the lake.

The lake alone says what is covered; the ledger says who is about to fetch what. So it may be
deleted or broken at any time: it begins again empty, and jobs are planned anew from the lake.

A task is leased by one process at a time, and so is each piece of history: a task that overlaps one
at work, of whatever job, waits for it. A lease ends with the process that holds it: when it lets
go, when it is dead, or when it has not been heard of for a minute.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self, TypeVar

from filelock import FileLock, Timeout

from marketkit.errors import LakeError, MarketkitError, NotWritable
from marketkit.jobs import worker
from marketkit.jobs.request import Task, Wanted
from marketkit.jobs.worker import Worker
from marketkit.lake.files import make_folder

T = TypeVar("T")

NAME = "jobs.sqlite"
ENDED = ("done", "incomplete", "cancelled", "failed")

_VERSION = 2
_BUSY = 20.0  # seconds to wait for the other processes at the ledger
_FAR = 3600.0  # no retry is put off for longer, unless somebody set the clock back
_NOT_OURS = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR)
_TABLES = (
    """
    CREATE TABLE jobs (
        id TEXT PRIMARY KEY, wanted TEXT, state TEXT, note TEXT, wish TEXT,
        created INTEGER, updated INTEGER
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE tasks (
        job TEXT, symbol TEXT, block INTEGER, start INTEGER, end INTEGER, timeframe TEXT,
        place INTEGER,
        state TEXT, worker TEXT, slots INTEGER, done INTEGER, requests INTEGER, rows INTEGER,
        attempts INTEGER, due REAL, error TEXT, PRIMARY KEY (job, symbol, block)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX tasks_open ON tasks (job, place) WHERE state = 'open'",
    "CREATE INDEX tasks_leased ON tasks (symbol, timeframe) WHERE state = 'leased'",
    """
    CREATE TABLE workers (
        id TEXT PRIMARY KEY, job TEXT, boot TEXT, space TEXT, pid INTEGER, beat REAL
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE errors (
        job TEXT, symbol TEXT, block INTEGER, at INTEGER, attempt INTEGER, message TEXT
    )
    """,
)
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


class Broken(Exception):
    """The ledger was damaged or deleted; it is empty now."""


class Ledger:
    """The ledger of the lake at `root`; any thread may use it, one at a time.

    Use it as a context manager. Raises `NotWritable` where nothing can be written, `LakeError` when
    others hold it for too long, and `Broken` when it had to begin again empty.
    """

    def __init__(self, root: Path) -> None:
        self._path = root / NAME
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

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
        with self._lock:
            self._close()

    def open(self, wanted: Wanted, planned: Sequence[Task]) -> None:
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

        self._do(write)

    def enlist(self, job: str) -> Worker:
        """Say that this process works on a job."""
        me = worker.myself(job)
        self._do(lambda ledger: worker.enlist(ledger, me))
        return me

    def claim(self, me: Worker) -> Claim | None:
        """Lease the next task that nobody works on; None when there is none now."""

        def write(ledger: sqlite3.Connection) -> Claim | None:
            now = time.time()
            found = ledger.execute(_CLAIM, (me.job, now, now + _FAR)).fetchone()
            if found is None:
                return None
            task, attempts, before = Task(*found[:5]), found[5], Done(*found[6:])
            ledger.execute(_LEASE, (me.id, me.job, *task[:2]))
            return Claim(task, attempts, before)

        return self._do(write)

    def finish(self, me: Worker, claim: Claim, done: Done) -> None:
        """Say that a task is done."""
        self._end(me, claim, "done", done)

    def fail(self, me: Worker, claim: Claim, done: Done, error: MarketkitError) -> None:
        """Give a task up, and with it all that is left of its symbol in this job."""

        def write(ledger: sqlite3.Connection) -> None:
            _note(ledger, me, claim, error)
            ledger.execute(
                "UPDATE tasks SET state = 'failed', error = ?"
                " WHERE job = ? AND symbol = ? AND state = 'open'",
                (str(error), me.job, claim.task.symbol),
            )

        self._end(me, claim, "failed", done, error)
        self._do(write)

    def put_off(
        self, me: Worker, claim: Claim, done: Done, error: MarketkitError, seconds: float
    ) -> None:
        """Give a task back, to be tried again after `seconds`."""

        def write(ledger: sqlite3.Connection) -> None:
            _note(ledger, me, claim, error)
            ledger.execute(
                _PUT_OFF, (claim.attempts + 1, time.time() + seconds, me.job, *claim.task[:2])
            )

        self._end(me, claim, "open", done, error)
        self._do(write)

    def give_back(self, me: Worker, claim: Claim, done: Done) -> None:
        """Give a task back as it is, for anybody to go on with."""
        self._end(me, claim, "open", done)

    def settle_before(self, job: str, symbol: str, moment: int) -> None:
        """Strike the tasks of a symbol that lie before the moment it came to the exchange."""
        self._do(
            lambda ledger: ledger.execute(
                "UPDATE tasks SET state = 'done', done = slots"
                " WHERE job = ? AND symbol = ? AND state = 'open' AND end <= ?",
                (job, symbol, moment),
            )
        )

    def beat(
        self,
        me: Worker,
        at_work: Iterable[tuple[Claim, Done]],
        note: str,
        *,
        count: bool = False,
    ) -> Beat:
        """Say that this process lives and how far it is, and learn how the job stands.

        To `count` the totals takes a look at every task: milliseconds where there are thousands.
        """

        def write(ledger: sqlite3.Connection) -> Beat:
            worker.enlist(ledger, me)  # again, if somebody took it for dead
            worker.bury(ledger)
            lost = [claim.task for claim, done in at_work if not _report(ledger, me, claim, done)]
            ledger.execute(
                "UPDATE jobs SET updated = ?, note = ? WHERE id = ?", (_now(), note, me.job)
            )
            wish = ledger.execute("SELECT wish FROM jobs WHERE id = ?", (me.job,)).fetchone()
            if wish is None:
                raise Broken
            return Beat(_totals(ledger, me.job) if count else None, wish[0], lost)

        return self._do(write)

    def leave(self, me: Worker, state: str, note: str = "") -> None:
        """Let go of everything; the last to leave says what state the job is in then."""

        def write(ledger: sqlite3.Connection) -> None:
            worker.dismiss(ledger, me.id)
            if me.job not in worker.bury(ledger):
                ledger.execute(
                    "UPDATE jobs SET state = ?, note = ?, wish = NULL, updated = ? WHERE id = ?",
                    (state, note, _now(), me.job),
                )

        self._do(write)

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

        return self._do(write)

    def totals(self, job: str) -> Totals:
        """Add the tasks of a job up."""
        return self._do(lambda ledger: _totals(ledger, job))

    def failures(self, job: str) -> dict[str, str]:
        """Give what the symbols failed with that were given up."""
        asked = "SELECT symbol, error FROM tasks WHERE job = ? AND state = 'failed'"
        return self._do(lambda ledger: dict(ledger.execute(asked, (job,)).fetchall()))

    def read(self, query: str, *values: object) -> list[tuple[object, ...]]:
        """Answer a question about the tables, after the dead were buried."""

        def ask(ledger: sqlite3.Connection) -> list[tuple[object, ...]]:
            worker.bury(ledger)
            return ledger.execute(query, values).fetchall()

        return self._do(ask)

    def knows(self, job: str) -> bool:
        """Say whether there is such a job; a ledger that is not there is not made for that."""
        return self._path.exists() and bool(self.read("SELECT 1 FROM jobs WHERE id = ?", job))

    def _end(
        self,
        me: Worker,
        claim: Claim,
        state: str,
        done: Done,
        error: MarketkitError | None = None,
    ) -> None:
        said = None if error is None else str(error)

        def write(ledger: sqlite3.Connection) -> None:
            if _report(ledger, me, claim, done):
                ledger.execute(_END, (state, said, me.job, *claim.task[:2]))

        self._do(write)

    def _do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do `work` in one transaction that nobody else is in."""
        with self._lock:
            try:
                return self._transact(work)
            except sqlite3.DatabaseError as error:
                self._close()
                if _is_damage(error):
                    self._begin_again()
                    raise Broken from error
                raise _translated(error, self._path) from error

    def _transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._connection is not None and not self._path.exists():
            self._close()
        if self._connection is None:
            self._connection = _open(self._path)
        self._connection.execute("BEGIN IMMEDIATE")
        with self._connection:
            return work(self._connection)

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _begin_again(self) -> None:
        """Delete a damaged ledger, one process at a time: its log must not meet a new one."""
        make_folder(self._path.parent / ".locks")
        lock = FileLock(self._path.parent / ".locks" / "jobs.lock", timeout=_BUSY)
        with suppress(OSError, Timeout), lock:
            try:
                _open(self._path).close()  # somebody else may have been here first
            except sqlite3.DatabaseError:
                for suffix in ("", "-wal", "-shm"):
                    self._path.with_name(f"{NAME}{suffix}").unlink(missing_ok=True)


def _open(path: Path) -> sqlite3.Connection:
    if not path.parent.is_dir():
        make_folder(path.parent)
    connection = sqlite3.connect(path, timeout=_BUSY, check_same_thread=False, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        if _version(connection) != _VERSION:
            connection.execute("BEGIN IMMEDIATE")
            with connection:
                if _version(connection) != _VERSION:  # nobody else made them meanwhile
                    _make(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _make(connection: sqlite3.Connection) -> None:
    for name in ("jobs", "tasks", "workers", "errors"):
        connection.execute(f"DROP TABLE IF EXISTS {name}")
    for table in _TABLES:
        connection.execute(table)
    connection.execute(f"PRAGMA user_version = {_VERSION}")


def _version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def _report(ledger: sqlite3.Connection, me: Worker, claim: Claim, done: Done) -> bool:
    """Put down how far a claim is; False if it is no longer ours."""
    now = map(sum, zip(claim.before, done, strict=True))
    return bool(ledger.execute(_REPORT, (*now, me.job, *claim.task[:2], me.id)).rowcount)


def _note(ledger: sqlite3.Connection, me: Worker, claim: Claim, error: MarketkitError) -> None:
    row = (me.job, *claim.task[:2], _now(), claim.attempts + 1, str(error))
    ledger.execute("INSERT INTO errors VALUES (?, ?, ?, ?, ?, ?)", row)


def _totals(ledger: sqlite3.Connection, job: str) -> Totals:
    return Totals(*map(int, ledger.execute(_TOTALS, (job,)).fetchone()))


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    """Say whether the file is no ledger any more, rather than busy or on a full disk."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in _NOT_OURS


def _translated(error: sqlite3.DatabaseError, path: Path) -> LakeError:
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None and code & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return LakeError(f"another process has held {path} for {_BUSY:.0f} s ({error})")
    return NotWritable(f"the ledger of jobs {path} cannot be written: {error}")


def _now() -> int:
    return time.time_ns() // 1_000_000
