"""The SQLite table of requests-cache, which here gives up at once and never waits for ever.

Its own writes ask for the lock again and again without an end, also when the folder may only be
read. Here a table that is busy says so, and the caller decides how long to try. Reads share one
connection without a lock: use a table from one thread at a time.

This is the one place that knows requests-cache, by public names only. Its file, table and
connection are used; its sessions, expiry and pickled values are not (decision 0011).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from requests_cache.backends.sqlite import SQLiteDict

# The columns are those of requests-cache, which opens such a file, too.
_MAKE = "CREATE TABLE IF NOT EXISTS {name} (key TEXT PRIMARY KEY, value BLOB, expires INTEGER)"
_PUT = "REPLACE INTO {name} (key, value) VALUES (?, ?)"
# What was written first goes first: a row that is replaced gets a new number.
_PRUNE = """
DELETE FROM {name} WHERE rowid IN (
    SELECT rowid FROM (
        SELECT rowid, sum(length(value)) OVER (ORDER BY rowid DESC) AS size FROM {name}
    ) WHERE size > ?
)
"""


class Table(SQLiteDict):
    """Bytes by key in a SQLite file; every method raises `sqlite3.Error` rather than wait."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, table_name="responses", serializer=None, wal=True, timeout=0)

    def init_db(self) -> None:
        """Make the table if there is none."""
        self.close()  # type: ignore[no-untyped-call]
        with self.transaction() as connection:
            connection.execute(_MAKE.format(name=self.table_name))

    def put(self, key: str, value: bytes, max_bytes: int) -> None:
        """Keep a value, and of all values the newest that `max_bytes` hold."""
        with self.transaction() as connection:
            connection.execute(_PUT.format(name=self.table_name), (key, value))
            connection.execute(_PRUNE.format(name=self.table_name), (max_bytes,))

    def bytes(self) -> int:
        """Give the size of all values."""
        with self.connection() as connection:
            query = f"SELECT total(length(value)) FROM {self.table_name}"  # noqa: S608 - our name
            return int(connection.execute(query).fetchone()[0])

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Write all or nothing; the lock is taken now or not at all."""
        with self.connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.commit()
            except BaseException:
                connection.rollback()
                raise
