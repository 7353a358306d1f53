"""Answers that outlive a process, in one SQLite file that can be lost at any time.

Nothing here may cost a caller more than two seconds or an error: what cannot be read is a miss,
what cannot be written is not kept, and either is logged. A file that is broken is set aside and
begun anew.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
import logging
import os
import sqlite3
import struct
import threading
import time
import weakref
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeVar

from marketkit.disk.system import at_fork, replace

if TYPE_CHECKING:
    from marketkit.cache.table import Table

T = TypeVar("T")
_log = logging.getLogger("marketkit.cache")

_NAME = "responses.sqlite"
_ASIDE = ".broken"
_PATIENCE = 2.0  # seconds to wait for another process
_REST = 10.0  # seconds to leave reads or writes alone after they failed: others queue behind them
_PAUSE = 0.01  # seconds between two tries; another process writes for a millisecond
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_BROKEN = (
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_ERROR,  # another table than ours, or none, as are the next two
    sqlite3.SQLITE_CONSTRAINT,
    sqlite3.SQLITE_MISMATCH,
)
_HEAD = struct.Struct("<4sIqq")
_MAGIC = b"MKS1"

_STORES: weakref.WeakSet[ResponseStore] = weakref.WeakSet()  # the ones that opened their file
_INHERITED: list[Table] = []  # by a fork; to close them would let go of the parent's locks


class StoredResponse(NamedTuple):
    """A body as received, when the exchange made the body, until when that holds; ms UTC."""

    body: bytes
    made_at: int
    expires_at: int


class StoreStats(NamedTuple):
    """The calls of a store in this process, and the size of the file."""

    hits: int
    misses: int
    puts: int
    failures: int
    entries: int
    bytes: int


class ResponseStore:
    """Bodies by key in a folder; `max_bytes` bounds the total, the first written go first.

    Making one opens nothing. Any number of processes may share a folder.
    """

    def __init__(self, folder: Path, *, max_bytes: int) -> None:
        self._path = folder / _NAME
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._table: Table | None = None
        self._inode = 0
        self._rest = {"get": 0.0, "put": 0.0}
        self._hits = self._misses = self._puts = self._failures = 0

    async def get(self, key: str, *, now: int) -> StoredResponse | None:
        """Give the body kept under a key, expired or not; None for nothing.

        What was made after `now` is not given: a clock was set back, and no age could be told.
        """
        found = await asyncio.to_thread(self._try, "get", lambda table: table.get(_name(key)))
        kept = None if found is None else _unpacked(key, found)
        if kept is None or kept.made_at > now:
            self._misses += 1
            return None
        self._hits += 1
        return kept

    async def put(self, key: str, body: bytes, *, made_at: int, expires_at: int) -> None:
        """Keep a body under a key in place of any other; one larger than the bound is not kept."""
        value = _packed(key, StoredResponse(body, made_at, expires_at))
        if len(value) > self._max_bytes:
            return
        self._puts += 1

        def put(table: Table) -> None:
            table.put(_name(key), value, self._max_bytes)

        await asyncio.to_thread(self._try, "put", put)

    def stats(self) -> StoreStats:
        """Count the calls and the entries."""
        held = self._try("get", lambda table: (len(table), table.bytes())) or (0, 0)
        return StoreStats(self._hits, self._misses, self._puts, self._failures, *held)

    def close(self) -> None:
        """Close the file; a later call opens a new connection."""
        with self._lock:
            self._drop()

    def forget(self) -> None:
        """Leave the file to the process that made this one by a fork."""
        self._lock = threading.Lock()
        if self._table is not None:
            _INHERITED.append(self._table)
            self._table = None

    def _try(self, what: Literal["get", "put"], work: Callable[[Table], T]) -> T | None:
        """Do something with the table, or nothing: within the patience, and without an error."""
        until = time.monotonic() + _PATIENCE
        while time.monotonic() >= self._rest[what]:
            try:
                return self._once(work)
            except (sqlite3.Error, OSError) as error:
                if _code(error) not in _BUSY or time.monotonic() > until:
                    self._give_up(what, error)
                    break
            # The lock is free meanwhile: who reads need not wait for who waits to write.
            time.sleep(_PAUSE)
        return None

    def _once(self, work: Callable[[Table], T]) -> T:
        with self._lock:
            try:
                return work(self._opened())
            except sqlite3.Error as error:
                if _code(error) not in _BUSY:
                    self._drop()
                if not self._is_broken(error):
                    raise
                self._set_aside(error)
                return work(self._opened())

    def _opened(self) -> Table:
        from marketkit.cache.table import Table  # noqa: PLC0415 - loads requests-cache

        path = self._path
        if self._table is not None and _inode(path) != self._inode:  # somebody removed the file
            self._drop()
        if self._table is None:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _hook()
            _STORES.add(self)
            self._table = Table(path)
            self._inode = _inode(path)
        return self._table

    def _drop(self) -> None:
        if self._table is not None:
            with suppress(sqlite3.Error):
                self._table.close()  # type: ignore[no-untyped-call]
            self._table = None

    def _is_broken(self, error: sqlite3.Error) -> bool:
        code, path = _code(error), self._path
        if not code:  # a text that is no UTF-8
            return isinstance(error, sqlite3.OperationalError)
        if code == sqlite3.SQLITE_READONLY:  # the head of a file may say so that is not
            return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
        return code in _BROKEN

    def _set_aside(self, error: sqlite3.Error) -> None:
        path = self._path
        _log.warning("%s is broken (%s); set aside and begun anew", path, error)
        replace(path, path.with_name(_NAME + _ASIDE))
        for rest in ("-wal", "-shm"):  # they belong to the file set aside
            path.with_name(_NAME + rest).unlink(missing_ok=True)

    def _give_up(self, what: str, error: Exception) -> None:
        self._failures += 1
        self._rest[what] = time.monotonic() + _REST
        _log.warning("%s: cannot %s: %s", self._path, what, error)


@functools.cache
def _hook() -> None:
    at_fork(after_in_child=_forget)


def _forget() -> None:
    for store in list(_STORES):
        store.forget()


def _name(key: str) -> str:
    """Hash a key into a name, for the table puts names into queries as given."""
    return hashlib.blake2b(key.encode(), digest_size=16).hexdigest()


def _packed(key: str, kept: StoredResponse) -> bytes:
    body = struct.pack("<qq", kept.made_at, kept.expires_at) + kept.body
    return _MAGIC + struct.pack("<I", zlib.crc32(key.encode() + body)) + body


def _unpacked(key: str, value: object) -> StoredResponse | None:
    """Unpack the body kept under this key; None for anything else."""
    if not isinstance(value, bytes) or len(value) < _HEAD.size:
        return None
    magic, crc, made_at, expires_at = _HEAD.unpack_from(value)
    if magic != _MAGIC or crc != zlib.crc32(key.encode() + value[8:]):
        return None
    return StoredResponse(value[_HEAD.size :], made_at, expires_at)


def _code(error: Exception) -> int:
    """Give the primary code of a SQLite error, the low byte of an extended one."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _inode(path: Path) -> int:
    try:
        return os.stat(path).st_ino  # noqa: PTH116 - a path's own is slower, and this is every call
    except OSError:
        return 0
