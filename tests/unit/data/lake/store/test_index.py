"""The cache of footers: right, or read again."""

from __future__ import annotations

import logging
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace

import pytest

from marketkit.coverage import Spans
from marketkit.data.lake.format.chunk import Entry, describe, write_chunk
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.store import database
from marketkit.data.lake.store import index as module
from marketkit.data.lake.store.index import Index, UnkeptIndex
from marketkit.errors import CorruptFile
from marketkit.timeframe import TIMEFRAMES

MINUTE = 60_000
SERIES = Series("upbit", "KRW-BTC", TIMEFRAMES["1m"])


@pytest.fixture
def write(tmp_path, candles):
    """Write a chunk that covers its first `slots` slots."""

    def write(chunk: str, start: int, slots: int) -> Entry:
        path = tmp_path / SERIES.path(chunk)
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = candles([start])
        footer = describe(rows, Spans([(start, start + slots * MINUTE)]), None)
        return Entry(chunk, write_chunk(path, rows, footer, SERIES).stamp, footer)

    return write


@pytest.fixture
def footers_read(monkeypatch):
    """The paths whose footers were read."""
    paths = []
    real = module.read_footer
    monkeypatch.setattr(
        module, "read_footer", lambda path, series: (paths.append(path.name), real(path, series))[1]
    )
    return paths


def test_an_unknown_series_has_no_entries_and_leaves_no_trace(tmp_path):
    assert Index(tmp_path).entries(SERIES) == []
    assert list(tmp_path.iterdir()) == []


def test_entries_are_what_the_files_say_in_the_order_of_time(tmp_path, write, january):
    later, earlier = write("2024-01", january, 5), write("2023-12", january - MINUTE, 1)
    assert Index(tmp_path).entries(SERIES) == [earlier, later]


def test_a_footer_is_read_once_for_all_processes(tmp_path, write, january, footers_read):
    write("2024-01", january, 5)
    Index(tmp_path).entries(SERIES)
    assert footers_read == ["2024-01.parquet"]
    Index(tmp_path).entries(SERIES)
    assert footers_read == ["2024-01.parquet"]


def test_a_file_that_changed_is_read_again(tmp_path, write, january, footers_read):
    index = Index(tmp_path)
    write("2024-01", january, 5)
    index.entries(SERIES)
    changed = write("2024-01", january, 9)
    assert index.entries(SERIES) == [changed]
    assert len(footers_read) == 2


def test_what_is_put_is_not_read(tmp_path, write, january, footers_read):
    index = Index(tmp_path)
    entry = write("2024-01", january, 5)
    index.put(SERIES, [entry])
    assert index.entries(SERIES) == [entry]
    assert footers_read == []


def test_a_claim_for_another_version_of_the_file_does_not_count(tmp_path, write, january):
    index = Index(tmp_path)
    wide = write("2024-01", january, 9)
    narrow = write("2024-01", january, 5)
    index.put(SERIES, [wide])
    assert index.entries(SERIES) == [narrow]


def test_a_file_that_is_gone_is_forgotten(tmp_path, write, january):
    index = Index(tmp_path)
    write("2024-01", january, 5)
    index.entries(SERIES)
    (tmp_path / SERIES.path("2024-01")).unlink()
    kept = write("2024-02", january + 31 * 1440 * MINUTE, 1)
    assert index.entries(SERIES) == [kept]
    with closing(sqlite3.connect(tmp_path / "index.sqlite")) as database, database:
        assert database.execute("SELECT chunk FROM chunks").fetchall() == [("2024-02",)]
    database.close()


def test_a_series_whose_folder_is_gone_is_forgotten_with_a_word(tmp_path, write, january):
    write("2024-01", january, 1)
    index = Index(tmp_path)
    index.entries(SERIES)
    shutil.rmtree(tmp_path / SERIES.folder)
    index.forget(SERIES)
    assert index.entries(SERIES) == []
    with closing(sqlite3.connect(tmp_path / database.NAME)) as connection, connection:
        assert connection.execute("SELECT count(*) FROM chunks").fetchone() == (0,)
    connection.close()


def test_a_file_that_goes_while_it_is_listed_is_no_entry(tmp_path, write, january, monkeypatch):
    write("2024-01", january, 5)
    path = tmp_path / SERIES.path("2024-01")
    real = module.read_footer
    monkeypatch.setattr(
        module, "read_footer", lambda *given: (path.unlink(missing_ok=True), real(*given))[1]
    )
    assert Index(tmp_path).entries(SERIES) == []


def test_a_deleted_index_is_rebuilt_even_while_it_is_open(tmp_path, write, january):
    index = Index(tmp_path)
    entry = write("2024-01", january, 5)
    index.entries(SERIES)
    for name in ("index.sqlite", "index.sqlite-wal", "index.sqlite-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    assert index.entries(SERIES) == [entry]  # remembered by this process
    write("2024-02", january + 31 * 86_400_000, 5)
    assert len(index.entries(SERIES)) == 2
    assert (tmp_path / "index.sqlite").exists()


def test_what_was_seen_is_looked_up_again_when_a_file_changes(tmp_path, write, january):
    index = Index(tmp_path)
    first = write("2024-01", january, 5)
    assert index.entries(SERIES) == [first]
    second = write("2024-01", january, 6)
    assert index.entries(SERIES) == [second]
    (tmp_path / SERIES.path("2024-01")).unlink()
    assert index.entries(SERIES) == []


def test_an_index_deleted_without_its_log_is_rebuilt(tmp_path, write, january):
    index = Index(tmp_path)
    entry = write("2024-01", january, 5)
    index.entries(SERIES)
    assert (tmp_path / "index.sqlite-wal").stat().st_size
    (tmp_path / "index.sqlite").unlink()
    assert Index(tmp_path).entries(SERIES) == [entry]


@pytest.mark.parametrize(
    "content", [b"not a database, but long enough to look at" * 99, b"\0" * 99]
)
def test_a_damaged_index_is_made_anew(tmp_path, write, january, content, caplog):
    entry = write("2024-01", january, 5)
    (tmp_path / "index.sqlite").write_bytes(content)
    with caplog.at_level(logging.WARNING, "marketkit.lake"):
        assert Index(tmp_path).entries(SERIES) == [entry]
    assert "made anew" in caplog.text
    caplog.clear()
    assert Index(tmp_path).entries(SERIES) == [entry]
    assert caplog.text == ""


def test_an_index_whose_pages_rot_is_made_anew(tmp_path, write, january):
    entry = write("2024-01", january, 5)
    Index(tmp_path).entries(SERIES)
    path = tmp_path / "index.sqlite"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    content = path.read_bytes()
    path.write_bytes(content[:100] + b"\xff" * (len(content) - 100))
    index = Index(tmp_path)
    assert index.entries(SERIES) == [entry]
    assert index.entries(SERIES) == [entry]


def test_an_index_that_talks_nonsense_is_made_anew(tmp_path, write, january):
    entry = write("2024-01", january, 5)
    Index(tmp_path).entries(SERIES)
    for nonsense in ("[[1,", "[1]", "all", None):
        with closing(sqlite3.connect(tmp_path / "index.sqlite")) as database, database:
            database.execute("UPDATE chunks SET covered = ?", (nonsense,))
        database.close()
        assert Index(tmp_path).entries(SERIES) == [entry]


def test_an_index_of_another_version_is_made_anew(tmp_path, write, january):
    entry = write("2024-01", january, 5)
    with closing(sqlite3.connect(tmp_path / "index.sqlite")) as database, database:
        database.execute("CREATE TABLE chunks (something TEXT)")
        database.execute("PRAGMA user_version = 99")
    database.close()
    assert Index(tmp_path).entries(SERIES) == [entry]


def test_what_an_older_version_left_unread_is_read_once_and_the_hash_stays(
    tmp_path, write, january, footers_read
):
    read = replace(write("2024-01", january, 5), sha256="beef")
    unread = replace(read, footer=replace(read.footer, rests_on=database.UNREAD))
    Index(tmp_path).put(SERIES, [unread])
    footers_read.clear()
    for _ in range(2):
        assert Index(tmp_path).entries(SERIES) == [read]
        assert footers_read == ["2024-01.parquet"]


def test_a_busy_index_is_passed_by(tmp_path, write, january, monkeypatch):
    monkeypatch.setattr(database, "_BUSY", 0.0)
    index = Index(tmp_path)
    first = write("2024-01", january, 5)
    index.entries(SERIES)
    with closing(sqlite3.connect(tmp_path / "index.sqlite", isolation_level=None)) as other, other:
        other.execute("BEGIN EXCLUSIVE")
        second = write("2024-02", january + 31 * 1440 * MINUTE, 1)
        assert index.entries(SERIES) == [first, second]
        other.execute("ROLLBACK")
    other.close()
    assert index.entries(SERIES) == [first, second]


def test_where_no_index_can_be_written_it_lives_in_memory(tmp_path, write, january, footers_read):
    (tmp_path / "index.sqlite").mkdir()
    entry = write("2024-01", january, 5)
    index = Index(tmp_path)
    assert index.entries(SERIES) == [entry]
    assert index.entries(SERIES) == [entry]
    assert len(footers_read) == 1


def test_a_foreign_file_with_the_name_of_a_chunk_is_named(tmp_path, write, january):
    write("2024-01", january, 5)
    path = tmp_path / SERIES.folder / "2024-02.parquet"
    shutil.copy(tmp_path / SERIES.path("2024-01"), path)
    with pytest.raises(CorruptFile, match=r"(?s)2024-02.*marketkit lake repair"):
        Index(tmp_path).entries(SERIES)
    assert path.exists()


STRANGERS = [
    *("foreign.parquet", "._2024-01.parquet", ".2024-01.parquet.icloud", "_2024-01.parquet"),
    *("2024-01 (conflicted copy 2026-11-20).parquet", "2024-01.parquet~", "2024-01~.parquet"),
    *("2024-01.parquet.tmp", "2024-01.PARQUET", "2024-1.parquet", "2024.parquet"),
]


@pytest.mark.parametrize("name", STRANGERS)
def test_a_file_without_the_name_of_a_chunk_is_no_chunk(tmp_path, write, january, name):
    entry = write("2024-01", january, 5)
    shutil.copy(tmp_path / SERIES.path("2024-01"), tmp_path / SERIES.folder / name)
    assert Index(tmp_path).entries(SERIES) == [entry]


@pytest.mark.parametrize("quiet", [-1, 2_500_000_000])
def test_a_stand_in_of_a_chunk_is_none_until_the_chunk_takes_its_place(
    tmp_path, write, january, monkeypatch, quiet
):
    monkeypatch.setattr(module, "_QUIET", quiet)
    entry = write("2024-01", january, 5)
    pointer, away = tmp_path / SERIES.path("2024-02"), tmp_path / "away"
    index = Index(tmp_path)
    pointer.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    assert index.entries(SERIES) == Index(tmp_path).entries(SERIES) == [entry]
    pointer.unlink()
    write("2024-02", january + 31 * 86_400_000, 5)
    pointer.rename(away)
    pointer.symlink_to(tmp_path / "nowhere")
    assert index.entries(SERIES) == Index(tmp_path).entries(SERIES) == [entry]
    away.rename(tmp_path / "nowhere")
    assert [each.chunk for each in index.entries(SERIES)] == ["2024-01", "2024-02"]
    assert [each.chunk for each in Index(tmp_path).entries(SERIES)] == ["2024-01", "2024-02"]


def test_of_many_series_those_that_fail_come_with_their_failures(tmp_path, write, january):
    entry = write("2024-01", january, 5)
    other = Series("upbit", "KRW-ETH", TIMEFRAMES["1m"])
    (tmp_path / other.folder).mkdir()
    (tmp_path / other.path("2024-01")).write_bytes(b"rotten")
    found, failures = Index(tmp_path).survey([other, SERIES])
    assert found == {SERIES: [entry]}
    assert list(failures) == [other]
    assert "KRW-ETH" in str(failures[other])


def test_a_folder_named_like_a_chunk_is_named(tmp_path, write, january):
    write("2024-01", january, 5)
    (tmp_path / SERIES.folder / "2024-02.parquet").mkdir()
    with pytest.raises(CorruptFile, match="2024-02"):
        Index(tmp_path).entries(SERIES)


def test_what_is_no_parquet_is_none_of_our_business(tmp_path, write, january):
    entry = write("2024-01", january, 5)
    (tmp_path / SERIES.folder / "2024-01.parquet.7.beef.tmp").write_bytes(b"half")
    (tmp_path / SERIES.folder / "notes.txt").write_text("mine")
    assert Index(tmp_path).entries(SERIES) == [entry]


def test_a_connection_is_not_used_across_a_fork(tmp_path, write, january):
    index = Index(tmp_path)
    write("2024-01", january, 5)
    index.entries(SERIES)
    opened = index._database
    index._database._process = -1  # as if another process had opened it
    write("2024-02", january + 31 * 86_400_000, 5)
    index.entries(SERIES)
    assert index._database is not opened
    opened.connection.close()


def test_the_hash_of_a_chunk_is_known_where_it_was_written_and_kept(tmp_path, candles, january):
    path = tmp_path / SERIES.path("2024-01")
    path.parent.mkdir(parents=True)
    rows = candles([january])
    footer = describe(rows, Spans([(january, january + MINUTE)]), None)
    stamp, sha256 = write_chunk(path, rows, footer, SERIES)
    assert Index(tmp_path).entries(SERIES) == [Entry("2024-01", stamp, footer, None)]
    Index(tmp_path).put(SERIES, [Entry("2024-01", stamp, footer, sha256)])
    assert Index(tmp_path).entries(SERIES) == [Entry("2024-01", stamp, footer, sha256)]


@pytest.fixture
def listed(monkeypatch):
    """The folders that were listed, file by file."""
    folders = []
    real = module.stamps_in
    monkeypatch.setattr(
        module,
        "stamps_in",
        lambda folder, *rest: (folders.append(folder.name), real(folder, *rest))[1],
    )
    return folders


def test_a_folder_that_is_left_alone_is_listed_once_for_all_processes(
    tmp_path, write, january, monkeypatch, listed
):
    monkeypatch.setattr(module, "_QUIET", -1)
    entry = write("2024-01", january, 5)
    index = Index(tmp_path)
    assert index.entries(SERIES) == [entry]
    assert index.entries(SERIES) is index.entries(SERIES)
    assert Index(tmp_path).entries(SERIES) == [entry]
    assert listed == ["series=KRW-BTC"]


def test_a_folder_that_changed_a_moment_ago_is_listed_every_time(tmp_path, write, january, listed):
    index = Index(tmp_path)
    entry = write("2024-01", january, 5)
    for _ in range(3):
        assert index.entries(SERIES) == [entry]
    assert len(listed) >= 3


def test_a_folder_that_was_left_alone_is_listed_again_when_a_name_in_it_changes(
    tmp_path, write, january, monkeypatch
):
    monkeypatch.setattr(module, "_QUIET", -1)
    index = Index(tmp_path)
    write("2024-01", january, 5)
    index.entries(SERIES)
    changed = write("2024-01", january, 9)
    assert index.entries(SERIES) == [changed]
    (tmp_path / SERIES.path("2024-01")).unlink()
    assert index.entries(SERIES) == Index(tmp_path).entries(SERIES) == []


def test_rows_of_an_older_look_are_not_trusted(tmp_path, write, january, monkeypatch):
    monkeypatch.setattr(module, "_QUIET", -1)
    old = write("2024-01", january, 5)
    new = write("2024-01", january, 9)
    assert Index(tmp_path).entries(SERIES) == [new]
    Index(tmp_path).put(SERIES, [old])  # by a process that was held up
    assert Index(tmp_path).entries(SERIES) == [new]


def test_what_is_learned_of_a_file_later_is_seen(tmp_path, write, january, monkeypatch):
    monkeypatch.setattr(module, "_QUIET", -1)
    entry = write("2024-01", january, 5)
    index = Index(tmp_path)
    assert index.entries(SERIES) == [entry]
    hashed = replace(entry, sha256="0" * 64)
    index.put(SERIES, [hashed])
    assert index.entries(SERIES) == Index(tmp_path).entries(SERIES) == [hashed]


def test_many_series_are_looked_up_as_each_alone(tmp_path, write, january, footers_read):
    entry = write("2024-01", january, 5)
    other = Series("upbit", "KRW-ETH", TIMEFRAMES["1m"])
    index = Index(tmp_path)
    assert index.look([other, SERIES, other]) == [[], [entry], []]
    assert index.look([]) == []
    assert footers_read == ["2024-01.parquet"]


def test_a_series_that_cannot_be_read_does_not_cost_the_others_their_footers(
    tmp_path, write, january, footers_read
):
    entry = write("2024-01", january, 5)
    other = Series("upbit", "KRW-ETH", TIMEFRAMES["1m"])
    (tmp_path / other.folder).mkdir()
    (tmp_path / other.path("2024-01")).write_bytes(b"rotten")
    index = Index(tmp_path)
    with pytest.raises(CorruptFile, match="KRW-ETH"):
        index.look([SERIES, other])
    assert Index(tmp_path).entries(SERIES) == [entry]
    assert footers_read.count("2024-01.parquet") == 2


REPLACER = """
import sys
from pathlib import Path

from marketkit.coverage import Spans
from marketkit.data.lake.format.chunk import describe, write_chunk
from marketkit.data.lake.format.layout import Series
from marketkit.schema import ROW, empty
from marketkit.timeframe import TIMEFRAMES

start, path = int(sys.argv[1]), Path(sys.argv[2])
series = Series("upbit", "KRW-BTC", TIMEFRAMES["1m"])
for slots in range(1, 301):
    covered = Spans([(start, start + slots * 60_000)])
    write_chunk(path, empty(ROW), describe(empty(ROW), covered, None), series)
    print(slots, flush=True)
"""


@pytest.mark.parametrize("quiet", [module._QUIET, 50_000_000])
def test_no_replacement_by_another_process_is_missed(tmp_path, january, monkeypatch, quiet):
    monkeypatch.setattr(module, "_QUIET", quiet)
    path = tmp_path / SERIES.path("2024-01")
    path.parent.mkdir(parents=True)
    index = Index(tmp_path)
    command = [sys.executable, "-c", REPLACER, str(january), str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as replacer:
        for line in replacer.stdout:
            (entry,) = index.entries(SERIES)
            assert entry.footer.covered.total >= int(line) * MINUTE
    assert replacer.returncode == 0
    assert entry.footer.covered.total == 300 * MINUTE


def test_an_index_that_is_kept_nowhere_knows_the_same_and_writes_nothing(tmp_path, write, january):
    entry = write("2024-01", january, 2)
    assert UnkeptIndex(tmp_path).entries(SERIES) == Index(tmp_path).entries(SERIES) == [entry]
    for path in tmp_path.glob("index.sqlite*"):
        path.unlink()
    unkept = UnkeptIndex(tmp_path)
    unkept.put(SERIES, unkept.entries(SERIES))
    assert unkept.ends([SERIES.folder]) == {}
    assert not list(tmp_path.glob("index.sqlite*"))
