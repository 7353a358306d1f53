"""The SQLite file of the ledger: tables, transactions, and a new start for a damaged one."""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import TypeVar

from filelock import FileLock, Timeout

from marketkit.data.jobs.ledger_rows import check
from marketkit.data.lake.format.nonsense import NONSENSE
from marketkit.disk import make_folder
from marketkit.errors import LakeError, NotWritable

T = TypeVar("T")

NAME = "jobs.sqlite"

_VERSION = 2  # of the tables; a ledger of another is begun anew
_BUSY = 20.0  # seconds to wait for other processes, each at it for milliseconds
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


class LedgerReset(Exception):
    """The ledger was damaged or deleted and is empty now."""


class LedgerFile:
    """The file at the root of a lake; any thread may use an object, one at a time."""

    def __init__(self, root: Path) -> None:
        self.path = root / NAME
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def close(self) -> None:
        """Close the file; the next question opens a new connection."""
        with self._lock:
            self._close()

    def do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do `work` in one transaction that nobody else is in.

        Raises `NotWritable` where nothing can be written, `LakeError` when others hold the file for
        too long, and `LedgerReset` when it had to begin again empty.
        """
        with self._lock:
            try:
                return self._transact(work)
            except sqlite3.DatabaseError as error:
                self._close()
                if _is_damage(error, self.path):
                    self._begin_again()
                    raise LedgerReset from error
                raise _translated(error, self.path) from error
            except NONSENSE as error:
                self._close()
                if not self._begin_again():  # the tables are sound, so the fault is elsewhere
                    raise
                raise LedgerReset from error
            except OSError as error:
                raise NotWritable(f"the ledger of jobs {self.path}: {error}") from error

    def _transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._connection is not None and not self.path.exists():
            self._close()
        if self._connection is None:
            self._connection = _open(self.path)
            # Who drops a ledger without a word leaves no open file: Python 3.13 complains of that.
            self._end = weakref.finalize(self, self._connection.close)
        self._connection.execute("BEGIN IMMEDIATE")
        with self._connection:
            return work(self._connection)

    def _close(self) -> None:
        if self._connection is not None:
            self._end()
            self._connection = None

    def _begin_again(self) -> bool:
        """Delete a damaged ledger, one process at a time: the old log must not meet a new one.

        False where there is nothing wrong with it, or nothing could be done.
        """
        lock = FileLock(self.path.parent / ".locks" / "jobs.lock", timeout=_BUSY)
        with suppress(OSError, Timeout):
            make_folder(self.path.parent / ".locks")
            with lock:
                return self._remove()
        return False

    def _remove(self) -> bool:
        try:
            with closing(_open(self.path)) as connection:
                check(connection, _VERSION)  # somebody else may have been here first
        except (sqlite3.Error, *NONSENSE):
            for suffix in ("", "-wal", "-shm"):
                self.path.with_name(f"{NAME}{suffix}").unlink(missing_ok=True)
            return True
        return False


def _open(path: Path) -> sqlite3.Connection:
    if not path.parent.is_dir():
        make_folder(path.parent)
    connection = sqlite3.connect(path, timeout=_BUSY, check_same_thread=False, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        # With NORMAL a power cut takes back what was said to be done.
        connection.execute("PRAGMA synchronous = FULL")
        if not _is_ours(connection):
            connection.execute("BEGIN IMMEDIATE")
            with connection:
                if not _is_ours(connection):  # nobody else made them meanwhile
                    _make(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _make(connection: sqlite3.Connection) -> None:
    asked = "SELECT type, name FROM sqlite_master WHERE type IN ('table', 'view')"
    for kind, name in connection.execute(f"{asked} AND name NOT LIKE 'sqlite_%'").fetchall():
        spelt = str(name).replace('"', '""')
        connection.execute(f'DROP {kind} IF EXISTS "{spelt}"')
    for table in _TABLES:
        connection.execute(table)
    connection.execute(f"PRAGMA user_version = {_VERSION}")


def _is_ours(connection: sqlite3.Connection) -> bool:
    """Say whether the tables are of this version, word by word."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    asked = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL"
    return bool(
        version == _VERSION
        and {_spelt(sql) for (sql,) in connection.execute(asked)} == set(map(_spelt, _TABLES))
    )


def _spelt(statement: str) -> str:
    return " ".join(statement.split())


def _is_damage(error: sqlite3.DatabaseError, path: Path) -> bool:
    """Say whether the file is no ledger any more, rather than busy or on a full disk."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:  # a text that is no UTF-8
        return isinstance(error, sqlite3.OperationalError)
    if code & 0xFF == sqlite3.SQLITE_READONLY:  # the head of a file may say so that is not
        return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    return code & 0xFF in _NOT_OURS


def _translated(error: sqlite3.DatabaseError, path: Path) -> LakeError:
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None and code & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return LakeError(f"another process has held {path} for {_BUSY:.0f}s ({error})")
    return NotWritable(f"the ledger of jobs {path} cannot be written: {error}")
