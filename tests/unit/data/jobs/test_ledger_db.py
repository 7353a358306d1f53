"""The file of the ledger: all or nothing, and begun again when it is no ledger any more."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing

import pytest

from marketkit.data.jobs import ledger_db
from marketkit.data.jobs.ledger_db import NAME, LedgerFile, LedgerReset
from marketkit.errors import LakeError, NotWritable

PUT = "INSERT INTO jobs (id, state) VALUES (?, 'running')"


@pytest.fixture
def file(tmp_path):
    file = LedgerFile(tmp_path / "lake")
    yield file
    file.close()


def put(file: LedgerFile, job: str) -> None:
    file.do(lambda tables: tables.execute(PUT, (job,)))


def jobs(file: LedgerFile) -> list[str]:
    rows = file.do(lambda tables: tables.execute("SELECT id FROM jobs ORDER BY id").fetchall())
    return [name for (name,) in rows]


def test_what_was_done_is_there_for_the_next_who_opens_the_file(file, tmp_path):
    put(file, "a")
    with closing(LedgerFile(tmp_path / "lake")) as other:
        assert jobs(other) == ["a"]


def test_what_was_done_outlasts_a_power_cut(file):
    full = 2  # each commit waits for the disk
    asked = "PRAGMA synchronous"
    assert file.do(lambda tables: tables.execute(asked).fetchone()) == (full,)


def test_work_that_fails_leaves_nothing(file):
    def work(tables: sqlite3.Connection) -> None:
        tables.execute(PUT, ("a",))
        raise KeyError("no")

    with pytest.raises(KeyError):
        file.do(work)
    assert jobs(file) == []


def test_a_closed_file_is_opened_again(file):
    put(file, "a")
    file.close()
    assert jobs(file) == ["a"]


def test_threads_wait_for_each_other(file):
    put(file, "a")
    threads = [threading.Thread(target=put, args=(file, f"{n}")) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(jobs(file)) == 9


def test_a_deleted_file_is_begun_again(file):
    put(file, "a")
    for suffix in ("", "-wal", "-shm"):
        file.path.with_name(f"{NAME}{suffix}").unlink(missing_ok=True)
    assert jobs(file) == []


def test_a_damaged_file_is_said_once_and_begun_again(file):
    put(file, "a")
    file.close()
    file.path.write_bytes(b"no database" * 999)
    with pytest.raises(LedgerReset):
        jobs(file)
    assert jobs(file) == []


def test_a_file_of_another_version_is_made_anew(file):
    put(file, "a")
    file.do(lambda tables: tables.execute("PRAGMA user_version = 1"))
    file.close()
    assert jobs(file) == []


def test_a_file_that_others_hold_too_long_is_said(file, monkeypatch):
    monkeypatch.setattr(ledger_db, "_BUSY", 0.05)
    put(file, "a")
    with closing(sqlite3.connect(file.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LakeError, match="another process has held"):
            put(file, "b")
    assert jobs(file) == ["a"]


def test_where_nothing_can_be_written_that_is_said(tmp_path):
    (tmp_path / NAME).mkdir()
    with (
        closing(LedgerFile(tmp_path)) as file,
        pytest.raises(NotWritable, match="cannot be written"),
    ):
        jobs(file)
