"""The database of the index: it may be deleted, damaged, or not to be had at all."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import pytest

from marketkit.coverage import Spans
from marketkit.data.lake.format.chunk import Entry, Footer, Stamp
from marketkit.data.lake.store import database as module
from marketkit.data.lake.store.database import NAME, Database, FileStamp, Listing, remove

ENTRY = Entry("2024-01", Stamp(1, 2, 3), Footer(Spans([(0, 60_000)]), 5, 1, 0, 0), "beef")
CONFIRMED = replace(ENTRY, footer=replace(ENTRY.footer, rests_on="months"))
LATER = Entry("2024-02", Stamp(4, 5, 6), Footer(Spans(), None, 0, None, None))
AT = FileStamp(7, 8, 9)


@pytest.fixture
def path(tmp_path):
    return tmp_path / NAME


@pytest.fixture
def database(path):
    database = Database(path)
    yield database
    database.close()


def test_folders_are_remembered_whole(database):
    database.remember({"a": Listing(AT, [ENTRY, LATER])})
    assert database.recall(["a", "b"]) == {
        "a": Listing(AT, [ENTRY, LATER]),
        "b": Listing(None, []),
    }
    database.remember({"a": Listing(None, [LATER])})
    assert database.recall(["a"]) == {"a": Listing(None, [LATER])}


def test_a_chunk_that_was_written_makes_its_folder_one_that_has_changed(database):
    database.remember({"a": Listing(AT, [ENTRY])})
    database.put("a", [LATER])
    assert database.recall(["a"]) == {"a": Listing(None, [ENTRY, LATER])}


def test_another_who_opens_it_finds_what_was_written(path, database):
    database.remember({"a": Listing(AT, [ENTRY])})
    other = Database(path)
    assert other.recall(["a"])["a"].entries == [ENTRY]
    other.close()


def test_ends_of_many_series_come_in_one_answer(database):
    ends = {f"folder-{number}": ("made of", bytes([number % 7])) for number in range(1200)}
    database.put_ends(ends)
    assert database.ends([*ends, "unknown"]) == ends


def test_a_database_of_another_version_is_made_anew(path, database):
    database.remember({"a": Listing(AT, [ENTRY])})
    database.connection.execute("PRAGMA user_version = 1")
    database.close()
    other = Database(path)
    assert other.recall(["a"]) == {"a": Listing(None, [])}
    other.close()


def make_older(database, version):
    for lacking in range(version, module.VERSION):
        column = module.ADDED[lacking].split()[0]
        database.connection.execute(f"ALTER TABLE chunks DROP COLUMN {column}")
    database.connection.execute(f"PRAGMA user_version = {version}")
    database.close()


@pytest.mark.parametrize("version", module.ADDED)
def test_tables_of_a_version_that_had_fewer_columns_keep_their_hashes(path, database, version):
    database.remember({"a": Listing(AT, [ENTRY, LATER])})
    make_older(database, version)
    unread = replace(ENTRY, footer=replace(ENTRY.footer, rests_on=module.UNREAD))
    for listing in (Listing(None, [unread, LATER]), Listing(AT, [CONFIRMED, LATER])):
        other = Database(path)
        assert other.recall(["a"]) == {"a": listing}
        other.remember({"a": Listing(AT, [CONFIRMED, LATER])})
        other.close()


def test_the_word_for_the_evidence_is_kept(database):
    database.remember({"a": Listing(AT, [CONFIRMED])})
    assert database.recall(["a"])["a"].entries == [CONFIRMED]


@pytest.mark.parametrize(
    "change",
    [
        "covered = '[[0,120000]]'",
        "sha256 = 'beee'",
        "nothing_before = NULL",
        "rests_on = NULL",
        "rests_on = 'two answers'",
        "rests_on = x'ff', crc = NULL",
        "size = 2",
        "covered = '[[0,1e400]]', crc = NULL",
        "rows = 'many', crc = NULL",
        "nothing_before = 9000000000000000000, crc = NULL",
        "sha256 = x'ff', crc = NULL",
    ],
)
def test_a_row_that_rotted_is_not_believed(database, change):
    database.remember({"a": Listing(AT, [CONFIRMED])})
    with database.connection as connection:
        connection.execute(f"UPDATE chunks SET {change}")  # noqa: S608
    with pytest.raises((ValueError, TypeError, OverflowError)):
        database.recall(["a"])


def test_kept_ends_of_another_kind_are_none(database):
    database.put_ends({"a": ("made of", b"rows")})
    database.connection.execute("UPDATE ends SET content = NULL")
    assert database.ends(["a"]) == {}


def test_it_is_seen_that_somebody_deleted_or_replaced_it(path, database):
    assert database.still_at(path)
    path.rename(path.with_name("kept"))
    assert not database.still_at(path)
    path.write_bytes(b"")
    assert not database.still_at(path)


def test_a_connection_is_not_used_after_a_fork(path, database, monkeypatch):
    monkeypatch.setattr(module.os, "getpid", lambda: -1)
    assert not database.still_at(path)
    monkeypatch.undo()
    database.connection.close()


def test_where_nothing_can_be_written_it_is_kept_in_memory(path, monkeypatch):
    real = module._open

    def refused(where):
        if where == ":memory:":
            return real(where)
        error = sqlite3.OperationalError("unable to open database file")
        error.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN
        raise error

    monkeypatch.setattr(module, "_open", refused)
    database = Database(path)
    database.remember({"a": Listing(AT, [ENTRY])})
    assert database.recall(["a"])["a"].entries == [ENTRY]
    assert database.still_at(path)
    assert not path.exists()
    database.close()


def test_other_trouble_is_raised(path, monkeypatch):
    path.write_bytes(b"no database" * 500)
    with pytest.raises(sqlite3.DatabaseError):
        Database(path)


def test_a_damaged_database_goes_with_its_log(tmp_path, path):
    for suffix in ("", "-wal", "-shm"):
        path.with_name(f"{NAME}{suffix}").write_bytes(b"x")
    (tmp_path / "lake.json").write_text("{}")
    remove(tmp_path)
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == ["lake.json"]


def test_the_stamp_of_a_folder_changes_with_its_names(tmp_path):
    folder = tmp_path / "folder"
    assert FileStamp.of(str(folder)) is None
    folder.mkdir()
    before = FileStamp.of(str(folder))
    (folder / "a").write_text("x")
    assert FileStamp.of(str(folder)) != before
    assert FileStamp.of(str(folder / "a" / "b")) is None


def test_a_listing_says_which_version_of_each_chunk_it_is_about():
    assert Listing(AT, [ENTRY, LATER]).stamps == {
        "2024-01": Stamp(1, 2, 3),
        "2024-02": Stamp(4, 5, 6),
    }
