"""The tables of the index, in a SQLite file that can be deleted, lag behind or be damaged."""

from __future__ import annotations

import logging
import os
import sqlite3
import weakref
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from filelock import FileLock, Timeout

from marketkit.coverage import ONE_ANSWER
from marketkit.data.lake.format.chunk import (
    Entry,
    Footer,
    Stamp,
    refuse_nonsense,
    spans_of_text,
    spans_to_text,
)
from marketkit.disk import make_folder

_log = logging.getLogger("marketkit.lake")

NAME = "index.sqlite"
_BUSY = 2.0  # seconds to wait for another process before going without the cache
_READ_ONLY = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM)
VERSION = 4  # of the tables; those of another are dropped
ADDED = {2: "crc INTEGER", 3: "rests_on TEXT"}  # the column that tables of this version lack
_TABLES = (
    """
    CREATE TABLE chunks (
        folder TEXT, chunk TEXT, size INTEGER, mtime_ns INTEGER, inode INTEGER,
        covered TEXT, nothing_before INTEGER, rows INTEGER, first INTEGER, last INTEGER,
        sha256 TEXT, crc INTEGER, rests_on TEXT, PRIMARY KEY (folder, chunk)
    ) WITHOUT ROWID
    """,
    # The last rows of a series, and the stamps of the files they were read from: see `hot`.
    "CREATE TABLE ends (folder TEXT PRIMARY KEY, made_of TEXT, content BLOB)",
    # A folder listed here has the chunks above and no others for as long as its times are these.
    """
    CREATE TABLE folders (
        folder TEXT PRIMARY KEY, inode INTEGER, mtime_ns INTEGER, ctime_ns INTEGER
    ) WITHOUT ROWID
    """,
)
_CHUNKS = "SELECT * FROM chunks WHERE folder IN ({}) ORDER BY folder, chunk"
_FOLDERS = "SELECT * FROM folders WHERE folder IN ({})"
_PUT_CHUNK = "REPLACE INTO chunks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_PUT_FOLDER = "REPLACE INTO folders VALUES (?, ?, ?, ?)"
_ENDS = "SELECT * FROM ends WHERE folder IN ({})"
_AT_ONCE = 500  # names in one question; SQLite takes 999 in its oldest builds
_PUT_END = "REPLACE INTO ends VALUES (?, ?, ?)"
_FORGET_CHUNKS = "DELETE FROM chunks WHERE folder = ?"
_FORGET_FOLDER = "DELETE FROM folders WHERE folder = ?"
UNREAD = "unread"  # in place of a word: the file may say more than an older marketkit understood
_DOUBT = "UPDATE chunks SET rests_on = ? WHERE nothing_before IS NOT NULL"


class FileStamp(NamedTuple):
    """The mark that tells a folder from the same one after a name in the folder changed."""

    inode: int
    mtime_ns: int
    ctime_ns: int

    @classmethod
    def of(cls, folder: str) -> FileStamp | None:
        """Give the moment of a folder, None where there is none."""
        try:
            stat = os.stat(folder)  # noqa: PTH116 (a Path costs more than the question)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return cls(stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns)


class Listing(NamedTuple):
    """The chunks of a folder, and the folder's stamp at which no other proof is needed."""

    at: FileStamp | None
    entries: list[Entry]

    @property
    def stamps(self) -> dict[str, Stamp]:
        """The version of each chunk that is listed."""
        return {entry.chunk: entry.stamp for entry in self.entries}


class Database:
    """An open database, and how to see that another one lies at the path."""

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
        """Say whether this process opened the file and nobody deleted the file since."""
        if self._process != os.getpid():  # a connection does not survive a fork
            self.close.detach()
            return False
        if self._inode is None:
            return True
        try:
            return path.stat().st_ino == self._inode
        except OSError:
            return False

    def recall(self, folders: Sequence[str]) -> dict[str, Listing]:
        """Give the listings of folders, all as of one moment."""
        with self.connection as connection:
            connection.execute("BEGIN")
            stamps: dict[str, FileStamp] = {}
            entries: dict[str, list[Entry]] = {folder: [] for folder in folders}
            for names, marks in _in_parts(folders):
                for folder, *at in connection.execute(_FOLDERS.format(marks), names):
                    stamps[folder] = FileStamp(*at)
                for row in connection.execute(_CHUNKS.format(marks), names):
                    entries[row[0]].append(_from_row(row))
            return {folder: Listing(stamps.get(folder), entries[folder]) for folder in folders}

    def remember(self, learned: Mapping[str, Listing]) -> None:
        """Write folders whole, for another process may have written rows of an older listing."""
        with self.connection as connection:
            for folder, listing in learned.items():
                rows = [_to_row(folder, entry) for entry in listing.entries]
                connection.execute(_FORGET_CHUNKS, (folder,))
                connection.execute(_FORGET_FOLDER, (folder,))
                connection.executemany(_PUT_CHUNK, rows)
                if listing.at is not None:
                    connection.execute(_PUT_FOLDER, (folder, *listing.at))

    def put(self, folder: str, entries: Iterable[Entry]) -> None:
        """Write chunks of a folder whose stamp changed with the write."""
        with self.connection as connection:
            connection.execute(_FORGET_FOLDER, (folder,))
            connection.executemany(_PUT_CHUNK, [_to_row(folder, entry) for entry in entries])

    def ends(self, folders: Sequence[str]) -> dict[str, tuple[str, bytes]]:
        """Give the kept ends of series."""
        found = {}
        for names, marks in _in_parts(folders):
            rows = self.connection.execute(_ENDS.format(marks), names)
            found.update({row[0]: row[1:] for row in rows if _is_end(*row[1:])})
        return found

    def put_ends(self, ends: Mapping[str, tuple[str, bytes]]) -> None:
        """Keep ends of series."""
        with self.connection as connection:
            connection.executemany(_PUT_END, [(folder, *end) for folder, end in ends.items()])


def is_damage(error: Exception) -> bool:
    """Say whether an error tells of tables that are not ours, rather than of a busy file."""
    if not isinstance(error, sqlite3.OperationalError):
        return True
    code = getattr(error, "sqlite_errorcode", None)  # none: a text that is no UTF-8
    return code is None or code & 0xFF == sqlite3.SQLITE_ERROR


def _open(path: Path | str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_BUSY, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version in ADDED:
            add_columns(connection)
        elif version != VERSION:
            with connection:
                connection.execute("BEGIN")  # at once, not table by table
                for name in ("chunks", "ends", "folders"):
                    connection.execute(f"DROP TABLE IF EXISTS {name}")
                for table in _TABLES:
                    connection.execute(table)
                connection.execute(f"PRAGMA user_version = {VERSION}")
    except BaseException:
        connection.close()
        raise
    return connection


def add_columns(connection: sqlite3.Connection) -> None:
    """Add the missing columns to tables of an older version, whose hashes are nowhere else."""
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version in ADDED:
            for each in range(version, VERSION):
                connection.execute(f"ALTER TABLE chunks ADD COLUMN {ADDED[each]}")
            connection.execute("DELETE FROM folders")  # so that the files are looked at
            connection.execute(_DOUBT, (UNREAD,))
            connection.execute(f"PRAGMA user_version = {VERSION}")


def remove(root: Path) -> None:
    """Delete a damaged database, one process at a time: the old log must not meet a new one."""
    lock = FileLock(root / ".locks" / "index.lock", timeout=_BUSY)
    with suppress(OSError):
        make_folder(root / ".locks")
    with suppress(OSError, Timeout), lock:
        for suffix in ("", "-wal", "-shm"):
            (root / f"{NAME}{suffix}").unlink(missing_ok=True)


def _is_end(made_of: object, content: object) -> bool:
    return isinstance(made_of, str) and isinstance(content, bytes)


def _in_parts(folders: Sequence[str]) -> Iterator[tuple[list[str], str]]:
    """Give names in parts for one question each, and the marks that stand for them there."""
    for at in range(0, len(folders), _AT_ONCE):
        names = list(folders[at : at + _AT_ONCE])
        yield names, ",".join("?" * len(names))


def _to_row(folder: str, entry: Entry) -> tuple[Any, ...]:
    footer = entry.footer
    covered = spans_to_text(footer.covered)
    said = (covered, footer.nothing_before, footer.rows, footer.first, footer.last)
    row = (folder, entry.chunk, *entry.stamp, *said, entry.sha256)
    rests_on = None if footer.rests_on == ONE_ANSWER else footer.rests_on
    return (*row, checksum(row, rests_on), rests_on)


def _from_row(row: tuple[Any, ...]) -> Entry:
    _, chunk, size, mtime_ns, inode, covered, nothing_before, rows, first, last, *marks = row
    sha256, crc, rests_on = marks
    spans, word = spans_of_text(covered), rests_on or ONE_ANSWER
    footer = Footer(spans, nothing_before, rows, first, last, rests_on=word)
    if crc is None:  # written before there were checksums
        refuse_nonsense(footer)
        if not (isinstance(chunk, str) and isinstance(sha256, str | None)):
            raise TypeError(f"{chunk!r} with the hash {sha256!r} is no chunk")
    refuse_rotten(row)
    return Entry(chunk, Stamp(size, mtime_ns, inode), footer, sha256)


def refuse_rotten(row: tuple[Any, ...]) -> None:
    """Raise `ValueError` for a row of a chunk with a wrong checksum."""
    crc = row[-2]
    if crc is not None and crc != checksum(row[:-2], row[-1]):
        raise ValueError(f"the row of {row[:2]} is not as it was written")


def checksum(said: tuple[Any, ...], rests_on: str | None) -> int:
    """Give the checksum of the columns before, and of a word behind, if any."""
    named = said if rests_on is None or rests_on == UNREAD else (*said, rests_on)
    return zlib.crc32(repr(named).encode())
