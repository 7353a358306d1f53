"""Small pages go through the journal, and nobody who reads can tell."""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from marketkit import disk
from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.format.journal import NAME, path_of
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.store import pages
from marketkit.data.lake.store.write import Written
from marketkit.errors import CorruptFile, NotWritable
from marketkit.timeframe import TIMEFRAMES

MINUTE = 60_000
SERIES = Series("upbit", "KRW-BTC", TIMEFRAMES["1m"])
APPENDER = Path(__file__).parents[1] / "appender.py"


@pytest.fixture(autouse=True)
def _every_chunk_is_large(monkeypatch):
    monkeypatch.setattr(pages, "_LARGE", 3)


@pytest.fixture
def append(candles, january):
    """Append candles in some slots of January, and cover some more."""

    def append(lake, slots, covering=None, volume=1.0, **named):
        rows = candles([january + slot * MINUTE for slot in slots], volume=volume)
        first, end = covering or (min(slots), max(slots) + 1)
        spans = Spans([(january + first * MINUTE, january + end * MINUTE)])
        return lake.append("KRW-BTC", "1m", rows, spans, **named)

    return append


@pytest.fixture
def filled(lake, append) -> Lake:
    append(lake, range(10))
    return lake


def journal(lake: Lake) -> Path:
    return path_of(lake.root, SERIES)


def chunk(lake: Lake) -> Path:
    return lake.root / SERIES.path("2024-01")


def volumes(lake: Lake) -> list[float]:
    return lake.read("KRW-BTC", "1m")["volume"].to_list()


def test_a_small_page_for_a_large_chunk_leaves_the_file_and_is_seen_at_once(filled, append):
    before, reader = chunk(filled).read_bytes(), Lake(filled.root)
    assert volumes(reader) == [1.0] * 10
    assert append(filled, [2, 3], volume=2.0) == Written(2, 2)
    assert append(filled, [10, 12], (10, 13)) == Written(2, 0)
    assert append(filled, [10, 12], (10, 13)) == Written(0, 0)
    assert chunk(filled).read_bytes() == before
    wanted = [1.0, 1.0, 2.0, 2.0, *[1.0] * 8]
    for lake in (filled, reader, Lake(filled.root)):
        assert volumes(lake) == wanted
        assert lake.latest(count=9)["volume"].to_list() == wanted[-9:]
        assert lake.covered("KRW-BTC", "1m").total == 13 * MINUTE
        assert lake.catalog().select("rows", "slots").rows() == [(12, 13)]
        assert lake.revisions().select("old", "new").rows() == [(1.0, 2.0)] * 2
        assert lake.scan("KRW-BTC", "1m").collect()["volume"].to_list() == wanted


def test_a_chunk_without_many_rows_a_large_page_and_a_beginning_go_into_chunks(
    lake, append, january, monkeypatch
):
    append(lake, [0, 1])
    append(lake, [0], volume=2.0)
    append(lake, range(9))
    assert not journal(lake).exists()
    append(lake, [0], volume=3.0, nothing_before=january)
    assert not journal(lake).exists()
    monkeypatch.setattr(pages, "_SMALL", 1)
    append(lake, [0, 1], volume=4.0)
    assert not journal(lake).exists()
    assert json.loads((lake.root / "lake.json").read_text())["format"] == 1


def test_with_the_first_record_the_lake_is_one_that_earlier_releases_refuse(filled, append):
    append(filled, [2], volume=2.0)
    assert json.loads((filled.root / "lake.json").read_text())["format"] == 2
    filled.close()
    assert json.loads((filled.root / "lake.json").read_text())["format"] == 2
    assert volumes(Lake(filled.root))[2] == 2.0


@pytest.mark.parametrize("how", ["close", "compact", "audit", "freeze", "by another", "beginning"])
def test_what_waits_goes_into_the_chunk_and_its_revisions_into_the_log(
    how, filled, append, january
):
    append(filled, [2, 3], volume=2.0, seen_at=5)
    append(filled, [3, 4], volume=3.0, seen_at=6)
    said = filled.revisions()
    if how == "freeze":
        assert filled.freeze("now").rows == 10
        assert filled.as_of("now").read("KRW-BTC", "1m").equals(filled.read("KRW-BTC", "1m"))
    elif how == "by another":
        append(Lake(filled.root), [20], (20, 21))
        assert len(journal(filled).read_bytes()) < 700
        filled.compact()
    elif how == "beginning":
        append(filled, [0], nothing_before=january)
    else:
        getattr(filled, how)()
    assert not journal(filled).exists()
    assert filled.revisions().equals(said)
    assert volumes(filled)[:5] == [1.0, 1.0, 2.0, 3.0, 3.0]
    stored = pl.read_parquet(chunk(filled).read_bytes())["volume"].to_list()
    assert stored[:5] == [1.0, 1.0, 2.0, 3.0, 3.0]
    assert filled.audit().is_empty()


def test_after_some_pages_and_when_it_is_whole_a_chunk_takes_them_in(filled, append, monkeypatch):
    monkeypatch.setattr(pages, "_AT_MOST", 3)
    for number in range(2):
        append(filled, [2], volume=2.0 + number)
    assert journal(filled).exists()
    append(filled, [2], volume=9.0)
    assert not journal(filled).exists()
    append(filled, [30], (20, 31 * 1440))
    assert journal(filled).exists()
    append(filled, [15], (10, 20))
    assert not journal(filled).exists()
    assert filled.catalog()["slots"].to_list() == [31 * 1440]


def test_pages_in_any_order_leave_the_same_lake_with_the_journal_as_without(
    tmp_path, candles, january, monkeypatch
):
    dice, lakes = random.Random(7), [Lake(tmp_path / name) for name in ("plain", "journalled")]
    slots = range(-20, 60)
    for number in range(40):
        start = dice.choice(slots)
        end = start + dice.randrange(1, 12)
        taken = [slot for slot in range(start, end) if dice.random() < 0.7]
        value = [None if dice.random() < 0.3 else float(slot % 5) for slot in taken]
        rows = candles([january + slot * MINUTE for slot in taken], volume=float(number % 3))
        rows = rows.with_columns(pl.Series("value", value, pl.Float64))
        covering = Spans([(january + start * MINUTE, january + end * MINUTE)])
        written = []
        for lake, least in zip(lakes, (10**9, 0), strict=True):
            monkeypatch.setattr(pages, "_LARGE", least)
            written.append(lake.append("KRW-BTC", "1m", rows, covering, seen_at=number))
        assert written[0] == written[1]
        plain, other = lakes
        assert other.read("KRW-BTC", "1m").equals(plain.read("KRW-BTC", "1m"))
        assert other.covered("KRW-BTC", "1m") == plain.covered("KRW-BTC", "1m")
        assert other.latest(count=5).equals(plain.latest(count=5))
        assert other.revisions().equals(plain.revisions())
        window = january + dice.choice(slots) * MINUTE, january + 60 * MINUTE
        assert other.read("KRW-BTC", "1m", *window).equals(plain.read("KRW-BTC", "1m", *window))
        ends = [each.catalog().drop("files", "bytes") for each in lakes]
        assert ends[0].equals(ends[1])
    assert journal(lakes[1]).exists()
    assert lakes[1].diff(lakes[1], lakes[0]).is_empty()


def test_the_first_or_the_last_candle_may_vanish(filled, append):
    append(filled, [1], (0, 2))
    append(filled, [8], (8, 10))
    found = filled.catalog().select(pl.col("first", "last").dt.minute(), "rows").rows()
    assert found == [(1, 8, 8)]
    assert len(volumes(filled)) == 8


def test_a_full_disk_is_told_and_what_was_there_stays(filled, append, monkeypatch):
    append(filled, [2], volume=2.0)
    before = journal(filled).read_bytes()

    def full(_descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(disk, "_sync_data", full)
        with pytest.raises(NotWritable, match="No space left"):
            append(filled, [3], volume=3.0)
    assert journal(filled).read_bytes() == before
    assert volumes(Lake(filled.root))[2:4] == [2.0, 1.0]
    append(filled, [3], volume=3.0)
    assert volumes(Lake(filled.root))[2:4] == [2.0, 3.0]


def test_a_disk_too_full_to_compact_loses_no_page(filled, append, monkeypatch):
    monkeypatch.setattr(pages, "_AT_MOST", 2)
    append(filled, [2], volume=2.0)

    def full(*_given):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        assert append(filled, [3], volume=3.0) == Written(1, 1)
        assert volumes(Lake(filled.root))[2:4] == [2.0, 3.0]
    append(filled, [4], volume=4.0)
    assert not journal(filled).exists()
    assert volumes(Lake(filled.root))[2:5] == [2.0, 3.0, 4.0]


def test_what_a_dead_writer_left_of_a_record_is_written_over(filled, append):
    append(filled, [2], volume=2.0)
    whole = journal(filled).read_bytes()
    for half in (1, 19, 21, len(whole) - NAME - 1):
        journal(filled).write_bytes(whole + whole[NAME : NAME + half])
        assert volumes(Lake(filled.root))[2] == 2.0
    append(filled, [3], volume=3.0)
    assert volumes(Lake(filled.root))[2:4] == [2.0, 3.0]
    assert filled.audit().is_empty()


def test_a_record_that_rotted_makes_its_slots_unknown_and_is_kept_aside(filled, append, january):
    append(filled, [2, 3], volume=2.0)
    at = len(journal(filled).read_bytes()) - 1
    append(filled, [3, 4], volume=3.0)
    content = journal(filled).read_bytes()
    journal(filled).write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
    unknown = Spans([(january + 2 * MINUTE, january + 3 * MINUTE)])
    for lake in (filled, Lake(filled.root)):
        assert lake.missing("KRW-BTC", "1m", january, january + 10 * MINUTE) == unknown
        assert volumes(lake) == [1.0, 1.0, 3.0, 3.0, *[1.0] * 5]
    found = filled.audit()
    assert found.select("path", "finding").rows() == [
        (journal(filled).relative_to(filled.root).as_posix(), "corrupt")
    ]
    assert filled.repair()["action"].to_list() == ["mended"]
    assert filled.audit().is_empty()
    assert [each.read_bytes() for each in filled.root.glob("corrupt/*/journal/*/*/*")] == [
        content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
    ]
    assert filled.missing("KRW-BTC", "1m", january, january + 10 * MINUTE) == unknown


def test_pages_outlive_the_chunk_below_them(filled, append, january):
    append(filled, [2, 9, 20], (2, 21), volume=2.0)
    content = bytearray(chunk(filled).read_bytes())
    content[40] ^= 1
    chunk(filled).write_bytes(bytes(content))
    with pytest.raises(CorruptFile, match="kept as"):
        append(Lake(filled.root), [30])
    append(Lake(filled.root), [30])
    known = Spans([(january + 2 * MINUTE, january + 21 * MINUTE)])
    assert known <= filled.covered("KRW-BTC", "1m")
    assert volumes(filled) == [2.0, 2.0, 2.0, 1.0]
    assert filled.audit().is_empty()


def test_a_lake_that_may_only_be_read_shows_what_waits(filled, append, monkeypatch):
    append(filled, [2], volume=2.0)
    monkeypatch.setattr(os, "access", lambda path, _mode: Path(path) != filled.root)
    reader = Lake(filled.root)
    assert reader.audit().is_empty()
    assert volumes(reader)[2] == 2.0
    assert journal(filled).exists()
    with pytest.raises(NotWritable):
        append(reader, [3])


def test_a_reader_with_an_old_index_sees_what_waits(filled, append, tmp_path):
    filled.catalog()
    old = tmp_path / "old"
    old.mkdir()
    for path in filled.root.glob("index.sqlite*"):
        shutil.copy2(path, old)
    append(filled, [2], volume=2.0)
    filled.close()
    append(filled, [3], volume=3.0)
    for path in filled.root.glob("index.sqlite*"):
        path.unlink()
    for path in old.iterdir():
        shutil.copy2(path, filled.root)
    assert volumes(Lake(filled.root))[2:4] == [2.0, 3.0]


def test_a_series_that_is_dropped_takes_its_journal_along(filled, append):
    append(filled, [2], volume=2.0)
    filled.drop("KRW-BTC", "1m")
    assert not journal(filled).exists()
    append(filled, [1])
    assert volumes(filled) == [1.0]
    assert filled.revisions().is_empty()


def test_another_lake_takes_in_what_waits_here_and_writes_nothing(filled, append, tmp_path):
    append(filled, [2, 9, 11], (2, 12), volume=2.0)
    before = journal(filled).read_bytes()
    other = Lake(tmp_path / "other")
    other.merge(filled)
    assert other.read("KRW-BTC", "1m").equals(filled.read("KRW-BTC", "1m"))
    assert journal(filled).read_bytes() == before
    assert other.diff(filled, other).is_empty()


def test_a_query_sees_what_waits(filled, append):
    pytest.importorskip("duckdb")
    append(filled, [2, 9, 11], (2, 12), volume=2.0)
    assert journal(filled).exists()
    asked = filled.sql("select sum(volume) as volume, count(*) as rows from candles_1m")
    assert asked.rows() == [(8.0, 5)]


@pytest.mark.slow
def test_two_processes_lose_nothing_with_the_journal(tmp_path):
    root = tmp_path / "lake"
    command = [sys.executable, str(APPENDER), str(root), "journal"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    running = [
        subprocess.Popen([*command, str(first), "2", "60"], env=environment) for first in (0, 1)
    ]
    seen, reader = 0, Lake(root)
    while any(process.poll() is None for process in running):
        covered = reader.covered("KRW-BTC", "1m").total
        assert covered >= seen
        seen = covered
        assert reader.read("KRW-BTC", "1m")["time"].is_sorted()
    assert [process.returncode for process in running] == [0, 0]
    lake = Lake(root)
    assert lake.covered("KRW-BTC", "1m").total == 2 * 60 * 5 * MINUTE
    assert lake.audit().is_empty()
