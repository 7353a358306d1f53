"""What every chunk says of itself, without opening it: a cache of the footers in SQLite.

The files are the truth. A row counts only while size, time and inode of its file are what they
were when the footer was read; whatever differs is read again. So the database can be deleted, lag
behind a killed writer or be missing in a lake that may only be read: that costs time, no more.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock, Timeout

from marketkit.errors import CorruptFile
from marketkit.lake.files import Footer, Stamp, read_footer, spans_of_text, spans_to_text
from marketkit.lake.layout import SUFFIX, Series

_T = TypeVar("_T")
_log = logging.getLogger("marketkit.lake")

_NAME = "index.sqlite"
_BUSY = 2.0  # seconds to wait for another process before going without the cache
_READ_ONLY = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM)
_VERSION = 1
_TABLE = """
CREATE TABLE IF NOT EXISTS chunks (
    folder TEXT, chunk TEXT, size INTEGER, mtime_ns INTEGER, inode INTEGER,
    covered TEXT, nothing_before INTEGER, rows INTEGER, first INTEGER, last INTEGER,
    PRIMARY KEY (folder, chunk)
) WITHOUT ROWID
"""
_REPLACE = "REPLACE INTO chunks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


@dataclass(frozen=True, slots=True)
class Entry:
    """One chunk as it is on disk: the file's stamp and its footer."""

    chunk: str
    stamp: Stamp
    footer: Footer


class Index:
    """The chunks of every series below `root`; opened on first use, shared by all."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.Lock()
        self._database: _Database | None = None
        self._seen: dict[str, tuple[dict[str, Stamp], list[Entry]]] = {}

    def entries(self, series: Series) -> list[Entry]:
        """List the chunks of a series in the order of time.

        Raises `CorruptFile` for a `.parquet` file that is not a chunk of the series.
        """
        folder = self._root / series.folder
        stamps = _stamps(folder)
        if not stamps:
            return []
        seen = self._seen.get(series.folder)
        if seen is not None and seen[0] == stamps:
            return seen[1]
        known = self._known(series.folder)
        found = {chunk: entry for chunk, entry in known.items() if stamps.get(chunk) == entry.stamp}
        read = [_read(folder, chunk, series) for chunk in stamps.keys() - found.keys()]
        fresh = {entry.chunk: entry for entry in read if entry is not None}
        if fresh or known.keys() - stamps.keys():
            self.put(series, fresh.values(), gone=known.keys() - stamps.keys())
        entries = [entry for _, entry in sorted({**found, **fresh}.items())]
        self._seen[series.folder] = {entry.chunk: entry.stamp for entry in entries}, entries
        return entries

    def put(self, series: Series, entries: Iterable[Entry], gone: Iterable[str] = ()) -> None:
        """Remember entries and forget the chunks that are gone; failing to is no failure."""
        rows = [_to_row(series.folder, entry) for entry in entries]
        names = [(series.folder, chunk) for chunk in gone]

        def write(connection: sqlite3.Connection) -> None:
            with connection:
                connection.executemany("DELETE FROM chunks WHERE folder = ? AND chunk = ?", names)
                connection.executemany(_REPLACE, rows)

        self._try(write)

    def _known(self, folder: str) -> Mapping[str, Entry]:
        def read(connection: sqlite3.Connection) -> dict[str, Entry]:
            rows = connection.execute("SELECT * FROM chunks WHERE folder = ?", (folder,))
            return {row[1]: _from_row(row) for row in rows}

        return self._try(read) or {}

    def _try(self, use: Callable[[sqlite3.Connection], _T]) -> _T | None:
        """Use the database; one that is busy is passed by, one that is damaged is made anew."""
        with self._lock:
            try:
                return use(self._connection())
            except sqlite3.OperationalError as error:
                _log.debug("index of %s not used: %s", self._root, error)
            except (sqlite3.DatabaseError, TypeError, ValueError) as error:
                _log.warning("index of %s is damaged and is made anew: %s", self._root, error)
                self._discard()
        return None

    def _connection(self) -> sqlite3.Connection:
        path = self._root / _NAME
        if self._database is None or not self._database.still_at(path):
            self._database = _Database(path)
        return self._database.connection

    def _discard(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None
        _remove(self._root)


class _Database:
    """An open database, and how to see that it is no longer the one at its path."""

    def __init__(self, path: Path) -> None:
        self._process = os.getpid()
        try:
            self.connection = _open(path)
            self._inode: int | None = path.stat().st_ino
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in _READ_ONLY:
                raise
            # A lake that may only be read: remember for as long as this process lives.
            _log.debug("index of %s is kept in memory: %s", path.parent, error)
            self.connection, self._inode = _open(":memory:"), None
        self.close = weakref.finalize(self, self.connection.close)

    def still_at(self, path: Path) -> bool:
        """Say whether this process opened it and nobody deleted it since."""
        if self._process != os.getpid():  # a connection does not survive a fork
            self.close.detach()
            return False
        if self._inode is None:
            return True
        try:
            return path.stat().st_ino == self._inode
        except OSError:
            return False


def _open(path: Path | str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_BUSY, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        if connection.execute("PRAGMA user_version").fetchone() != (_VERSION,):
            with connection:
                connection.execute("DROP TABLE IF EXISTS chunks")
                connection.execute(_TABLE)
                connection.execute(f"PRAGMA user_version = {_VERSION}")
    except BaseException:
        connection.close()
        raise
    return connection


def _remove(root: Path) -> None:
    """Delete a damaged database, one process at a time: its log must not meet a new database."""
    lock = FileLock(root / ".locks" / "index.lock", timeout=_BUSY)
    with suppress(OSError, Timeout), lock:
        for suffix in ("", "-wal", "-shm"):
            (root / f"{_NAME}{suffix}").unlink(missing_ok=True)


def _stamps(folder: Path) -> dict[str, Stamp]:
    try:
        with os.scandir(folder) as files:
            return {
                file.name.removesuffix(SUFFIX): Stamp.of(file.stat())
                for file in files
                if file.name.endswith(SUFFIX)
            }
    except (FileNotFoundError, NotADirectoryError):
        return {}


def _read(folder: Path, chunk: str, series: Series) -> Entry | None:
    path = folder / f"{chunk}{SUFFIX}"
    try:
        footer, stamp = read_footer(path, series)
    except FileNotFoundError:  # deleted since it was listed
        return None
    except OSError as error:
        raise CorruptFile(f"{path} cannot be read: {error}") from error
    return Entry(chunk, stamp, footer)


def _to_row(folder: str, entry: Entry) -> tuple[Any, ...]:
    footer = entry.footer
    covered = spans_to_text(footer.covered)
    said = (covered, footer.nothing_before, footer.rows, footer.first, footer.last)
    return (folder, entry.chunk, *entry.stamp, *said)


def _from_row(row: tuple[Any, ...]) -> Entry:
    _, chunk, size, mtime_ns, inode, covered, *rest = row
    return Entry(chunk, Stamp(size, mtime_ns, inode), Footer(spans_of_text(covered), *rest))
