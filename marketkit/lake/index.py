"""What every chunk says of itself, without opening it: a cache of the footers in SQLite.

The files are the truth. A row counts only while size, time and inode of its file are what they
were when the footer was read; whatever differs is read again. So the database can be deleted, lag
behind a killed writer or be missing in a lake that may only be read: that costs time, no more.

Nor are the files asked one by one while their folder is as it was: a file is only ever replaced by
`os.replace`, which changes the times of the folder. Such a listing is trusted only if the folder
had been left alone for so long before it that a later change cannot have got the same time.
What some other program changes inside of a file is noticed where the file is read or audited.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from filelock import FileLock, Timeout

from marketkit.errors import CorruptFile
from marketkit.lake.files import Footer, Stamp, read_footer, spans_of_text, spans_to_text
from marketkit.lake.layout import SUFFIX, Series, symbol_of_folder, timeframe_folder
from marketkit.timeframe import Timeframe

_T = TypeVar("_T")
_log = logging.getLogger("marketkit.lake")

_NAME = "index.sqlite"
_BUSY = 2.0  # seconds to wait for another process before going without the cache
_READ_ONLY = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM)
_VERSION = 2
_QUIET = 2_500_000_000  # ns; the coarsest clock of a file system (FAT) ticks every two seconds
_TABLES = (
    """
    CREATE TABLE chunks (
        folder TEXT, chunk TEXT, size INTEGER, mtime_ns INTEGER, inode INTEGER,
        covered TEXT, nothing_before INTEGER, rows INTEGER, first INTEGER, last INTEGER,
        sha256 TEXT, PRIMARY KEY (folder, chunk)
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
_CHUNKS = "SELECT * FROM chunks WHERE folder = ?"
_FOLDER = "SELECT inode, mtime_ns, ctime_ns FROM folders WHERE folder = ?"
_PUT_CHUNK = "REPLACE INTO chunks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_PUT_FOLDER = "REPLACE INTO folders VALUES (?, ?, ?, ?)"
_ENDS = "SELECT * FROM ends WHERE folder IN ({})"
_AT_ONCE = 500  # names in one question
_PUT_END = "REPLACE INTO ends VALUES (?, ?, ?)"
_FORGET_CHUNKS = "DELETE FROM chunks WHERE folder = ?"
_FORGET_FOLDER = "DELETE FROM folders WHERE folder = ?"


@dataclass(frozen=True, slots=True)
class Entry:
    """One chunk as it is on disk: the file's stamp and its footer.

    `sha256` is the hash of the whole file in hex if this lake wrote it, None where only the footer
    was read: it is then unknown, not wrong.
    """

    chunk: str
    stamp: Stamp
    footer: Footer
    sha256: str | None = None


class _Moment(NamedTuple):
    """What tells a folder from the same one after a name in it changed."""

    inode: int
    mtime_ns: int
    ctime_ns: int


class _Listing(NamedTuple):
    """The chunks of a folder, and the moment of the folder at which they need no other proof."""

    at: _Moment | None
    entries: list[Entry]

    @property
    def stamps(self) -> dict[str, Stamp]:
        return {entry.chunk: entry.stamp for entry in self.entries}


class _Look(NamedTuple):
    """A folder that is not as it was seen; `quiet` says that what it holds now can be trusted."""

    series: Series
    folder: str
    at: _Moment
    quiet: bool
    seen: _Listing


_NOTHING = _Listing(None, [])


class Index:
    """The chunks of every series below `root`; opened on first use, shared by all."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.Lock()
        self._database: _Database | None = None
        self._seen: dict[str, _Listing] = {}

    def entries(self, series: Series) -> list[Entry]:
        """List the chunks of a series in the order of time.

        The list is the same object for as long as nothing changed; it is not the caller's to
        change. Raises `CorruptFile` for a `.parquet` file that is not a chunk of the series.
        """
        return self.look([series])[0]

    def look(self, wanted: Sequence[Series]) -> list[list[Entry]]:
        """List the chunks of each series, as `entries`, with one question for all."""
        quiet = time.time_ns() - _QUIET  # as of now: whatever comes after the look comes later
        root = os.fspath(self._root)
        found: dict[str, list[Entry]] = {}
        looks: list[_Look] = []
        for series in wanted:
            folder = series.folder
            at, seen = _moment(f"{root}/{folder}"), self._seen.get(folder, _NOTHING)
            found[folder] = [] if at is None else seen.entries
            if at is not None and at != seen.at:
                is_quiet = max(at.mtime_ns, at.ctime_ns) < quiet
                looks.append(_Look(series, folder, at, is_quiet, seen))
        found |= self._list(looks)
        return [found[series.folder] for series in wanted]

    def stored(self, source: str, timeframe: Timeframe) -> list[Series]:
        """List every series of a timeframe that has a folder, sorted by symbol."""
        folder = self._root / timeframe_folder(source, timeframe)
        try:
            symbols = sorted(
                filter(None, (symbol_of_folder(each.name) for each in folder.iterdir()))
            )
        except (FileNotFoundError, NotADirectoryError):
            return []
        return [Series(source, symbol, timeframe) for symbol in symbols]

    def put(self, series: Series, entries: Iterable[Entry]) -> None:
        """Remember entries that were just written; failing to is no failure."""
        rows = [_to_row(series.folder, entry) for entry in entries]

        def write(connection: sqlite3.Connection) -> None:
            with connection:
                connection.execute(_FORGET_FOLDER, (series.folder,))
                connection.executemany(_PUT_CHUNK, rows)

        if rows:
            self._try(write)
            self._seen.pop(series.folder, None)

    def ends(self, folders: Sequence[str]) -> dict[str, tuple[str, bytes]]:
        """Give what was kept of the ends of series; whether it still holds is not looked at."""

        def read(connection: sqlite3.Connection) -> dict[str, tuple[str, bytes]]:
            found = {}
            for at in range(0, len(folders), _AT_ONCE):
                names = folders[at : at + _AT_ONCE]
                asked = _ENDS.format(",".join("?" * len(names)))
                found.update({row[0]: row[1:] for row in connection.execute(asked, names)})
            return found

        return self._try(read) or {}

    def put_ends(self, ends: Mapping[str, tuple[str, bytes]]) -> None:
        """Keep ends of series; failing to is no failure."""

        def write(connection: sqlite3.Connection) -> None:
            with connection:
                connection.executemany(_PUT_END, [(folder, *end) for folder, end in ends.items()])

        self._try(write)

    def _list(self, looks: Sequence[_Look]) -> dict[str, list[Entry]]:
        """List folders that are not as they were seen, and keep what is new in them."""
        changed = [look for look in looks if look.quiet or not self._is_as_seen(look)]
        recalled = self._recall([look.folder for look in changed]) if changed else {}
        found: dict[str, _Listing] = {}
        try:
            for look in changed:
                known = recalled[look.folder]
                found[look.folder] = known if known.at == look.at else self._compare(look, known)
        finally:
            self._seen |= found
            self._remember(
                {
                    folder: listing
                    for folder, listing in found.items()
                    if listing.entries != recalled[folder].entries
                    or listing.at not in (None, recalled[folder].at)
                }
            )
        return {folder: listing.entries for folder, listing in found.items()}

    def _is_as_seen(self, look: _Look) -> bool:
        return bool(look.seen.entries) and look.seen.stamps == _stamps(self._root / look.folder)

    def _compare(self, look: _Look, known: _Listing) -> _Listing:
        """List a folder and read the footers of those files that are not as they were."""
        folder = self._root / look.folder
        stamps = _stamps(folder)
        seen = look.seen.entries
        found = {
            entry.chunk: entry
            for entry in (*seen, *known.entries)
            if stamps.get(entry.chunk) == entry.stamp
        }
        read = (_read(folder, chunk, look.series) for chunk in sorted(stamps.keys() - found.keys()))
        found.update({entry.chunk: entry for entry in read if entry is not None})
        entries = [entry for _, entry in sorted(found.items())]
        return _Listing(look.at if look.quiet else None, seen if seen == entries else entries)

    def _recall(self, folders: Sequence[str]) -> dict[str, _Listing]:
        """Give what the database says of folders, all as of one moment."""

        def read(connection: sqlite3.Connection) -> dict[str, _Listing]:
            with connection:
                connection.execute("BEGIN")
                return {folder: _recalled(connection, folder) for folder in folders}

        return self._try(read) or dict.fromkeys(folders, _NOTHING)

    def _remember(self, learned: Mapping[str, _Listing]) -> None:
        """Write folders whole, for another process may have written rows of an older listing."""

        def write(connection: sqlite3.Connection) -> None:
            with connection:
                for folder, listing in learned.items():
                    rows = [_to_row(folder, entry) for entry in listing.entries]
                    connection.execute(_FORGET_CHUNKS, (folder,))
                    connection.execute(_FORGET_FOLDER, (folder,))
                    connection.executemany(_PUT_CHUNK, rows)
                    if listing.at is not None:
                        connection.execute(_PUT_FOLDER, (folder, *listing.at))

        if learned:
            self._try(write)

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
                connection.execute("BEGIN")  # at once, not table by table
                for name in ("chunks", "ends", "folders"):
                    connection.execute(f"DROP TABLE IF EXISTS {name}")
                for table in _TABLES:
                    connection.execute(table)
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


def _moment(folder: str) -> _Moment | None:
    """Give the moment of a folder, None where there is none."""
    try:
        stat = os.stat(folder)  # noqa: PTH116 (a Path costs more than the question)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return _Moment(stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns)


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


def _recalled(connection: sqlite3.Connection, folder: str) -> _Listing:
    at = connection.execute(_FOLDER, (folder,)).fetchone()
    rows = connection.execute(_CHUNKS, (folder,)).fetchall()
    return _Listing(None if at is None else _Moment(*at), [_from_row(row) for row in rows])


def _to_row(folder: str, entry: Entry) -> tuple[Any, ...]:
    footer = entry.footer
    covered = spans_to_text(footer.covered)
    said = (covered, footer.nothing_before, footer.rows, footer.first, footer.last)
    return (folder, entry.chunk, *entry.stamp, *said, entry.sha256)


def _from_row(row: tuple[Any, ...]) -> Entry:
    _, chunk, size, mtime_ns, inode, covered, *said, sha256 = row
    footer = Footer(spans_of_text(covered), *said)
    return Entry(chunk, Stamp(size, mtime_ns, inode), footer, sha256)
