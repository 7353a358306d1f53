"""requests-cache's SQLite table, made to give up at once where it would wait for ever.

Its own write lock is asked for again and again without an end, also when the folder may only be
read. Here a table that is busy says so, and who uses it decides how long to try. Its reads share
one connection without a lock: use a table from one thread at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from requests_cache.backends.sqlite import SQLiteDict

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

    def put(self, key: str, value: bytes, max_bytes: int) -> None:
        """Keep a value, and of all values the newest that `max_bytes` hold."""
        with self.connection(commit=True) as connection:
            self[key] = value
            connection.execute(_PRUNE.format(name=self.table_name), (max_bytes,))

    def bytes(self) -> int:
        """Give the size of all values."""
        with self.connection() as connection:
            query = f"SELECT total(length(value)) FROM {self.table_name}"  # noqa: S608 - our name
            return int(connection.execute(query).fetchone()[0])

    @contextmanager
    def _acquire_sqlite_lock(self) -> Iterator[None]:
        connection: Any = self._connection
        connection.execute("BEGIN IMMEDIATE")
        self._active_transaction = True
        try:
            yield
            connection.commit()
        except BaseException:
            connection.rollback()
            raise
        finally:
            self._active_transaction = False
