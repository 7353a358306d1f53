"""The index is compared with the files; what only lags behind is sound."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.audit.chunk import inspect
from marketkit.data.lake.audit.index import AuditedChunk, compare
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.store.database import NAME, Database
from marketkit.schema import ROW, empty
from marketkit.timeframe import MINUTE, TIMEFRAMES

SERIES = Series("upbit", "KRW-BTC", TIMEFRAMES["1m"])


@pytest.fixture
def root(tmp_path, candles, january):
    """A lake of one chunk that the index knows."""
    lake = Lake(tmp_path / "lake")
    lake.append(
        "KRW-BTC",
        "1m",
        candles([january]),
        Spans([(january, january + 10 * MINUTE)]),
    )
    lake.catalog()
    return lake.root


@pytest.fixture
def chunks(root):
    """A look at its file."""
    looked = inspect(root / SERIES.path("2024-01"), SERIES)
    chunk = AuditedChunk(SERIES, looked.stamp, looked.sha256, looked.said)
    return {(SERIES.folder, "2024-01"): chunk}


def tell(root, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(root / NAME)) as connection, connection:
        connection.execute(statement, values)


def trust(root) -> None:
    """Have the index take the folder to be as it saw it."""
    stat = (root / SERIES.folder).stat()
    at = (stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns)
    tell(root, "REPLACE INTO folders VALUES (?, ?, ?, ?)", SERIES.folder, *at)


def details(root, chunks) -> list[str]:
    return [finding.detail for finding in compare(root, chunks)]


def test_an_index_that_says_what_the_files_say_is_sound(root, chunks):
    assert details(root, chunks) == []


def test_without_an_index_nothing_is_wrong(root, chunks):
    (root / NAME).unlink()
    assert details(root, chunks) == []


def test_a_row_of_a_file_that_is_gone_is_wrong(root, chunks):
    (root / SERIES.path("2024-01")).unlink()
    assert details(root, {}) == [f"has a row for {SERIES.path('2024-01')}, which is gone"]


def test_a_row_of_an_older_version_is_wrong_only_where_the_folder_is_trusted(root, chunks):
    tell(root, "UPDATE chunks SET size = size + 1")
    assert details(root, chunks) == []
    trust(root)
    (detail,) = details(root, chunks)
    assert detail.startswith("takes an older")


def test_a_chunk_that_is_not_known_is_wrong_only_where_the_folder_is_trusted(root, chunks):
    tell(root, "DELETE FROM chunks")
    assert details(root, chunks) == []
    trust(root)
    (detail,) = details(root, chunks)
    assert detail.startswith("does not know")


@pytest.mark.parametrize("covered", ["[[0,60000]]", "nonsense"])
def test_a_row_that_claims_something_else_is_wrong(root, chunks, covered):
    tell(root, "UPDATE chunks SET covered = ?", covered)
    (detail,) = details(root, chunks)
    assert "what the file does not" in detail


def test_bytes_that_are_not_those_that_were_written_are_the_files_fault(root, chunks):
    other = {key: chunk._replace(sha256="beef") for key, chunk in chunks.items()}
    (finding,) = compare(root, other)
    assert (finding.path, finding.finding) == (SERIES.path("2024-01"), "corrupt")
    assert (finding.action, finding.series) == ("set aside", SERIES)


def test_an_index_of_before_there_were_words_is_sound(root):
    nothing = empty(ROW), Spans()
    january = Lake(root).read("KRW-BTC", "1m")["time"].dt.epoch("ms")[0]
    lake = Lake(root)
    lake.append("KRW-BTC", "1m", *nothing, nothing_before=january, rests_on="months")
    tell(root, "UPDATE chunks SET crc = NULL")
    tell(root, "ALTER TABLE chunks DROP COLUMN rests_on")
    tell(root, "PRAGMA user_version = 3")
    looked = inspect(root / SERIES.path("2024-01"), SERIES)
    chunk = AuditedChunk(SERIES, looked.stamp, looked.sha256, looked.said)
    assert details(root, {(SERIES.folder, "2024-01"): chunk}) == []
    assert Lake(root).catalog()["rests_on"].to_list() == ["months"]
    assert Lake(root).audit().is_empty()


def test_a_row_with_better_evidence_than_the_file_is_told(root, chunks):
    database = Database(root / NAME)
    (entry,) = database.recall([SERIES.folder])[SERIES.folder].entries
    database.put(SERIES.folder, [replace(entry, footer=replace(entry.footer, rests_on="months"))])
    database.close()
    (detail,) = details(root, chunks)
    assert detail.startswith("says of")


def test_a_hash_that_rotted_in_the_index_does_not_speak_against_a_file(root, chunks):
    tell(root, "UPDATE chunks SET sha256 = 'beef'")
    (finding,) = compare(root, chunks)
    assert (finding.path, finding.action) == ("index.sqlite", "removed")


def test_a_damaged_index_is_said_to_be(root, chunks):
    (root / NAME).write_bytes(b"no database" * 500)
    (finding,) = compare(root, chunks)
    assert (finding.path, finding.action) == (NAME, "removed")
    assert finding.detail.startswith("is damaged")


def test_an_index_of_another_version_says_nothing(root, chunks):
    tell(root, "UPDATE chunks SET covered = 'nonsense'")
    tell(root, "PRAGMA user_version = 1")
    assert details(root, chunks) == []


def test_kept_last_candles_are_compared_with_the_files(root, chunks):
    lake = Lake(root)
    lake.latest(count=5)
    assert details(root, chunks) == []
    tell(root, "UPDATE ends SET content = zeroblob(56)")
    (detail,) = details(root, chunks)
    assert detail.startswith("keeps other last candles")
    tell(root, "UPDATE ends SET made_of = 'gone 1 2 3'")
    assert details(root, chunks) == []
