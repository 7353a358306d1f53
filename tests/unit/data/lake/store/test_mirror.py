"""The part of a lake in a bucket on this machine: as new as the bucket was, and never needed."""

from __future__ import annotations

import os
import shutil

import pytest

from marketkit.coverage import Spans
from marketkit.data.lake.format.objects import Conflict, Version
from marketkit.data.lake.store.mirror import Away, stamp_of, together, writable
from marketkit.errors import CorruptFile, LakeError, NotWritable
from marketkit.timeframe import MINUTE

KEY = "candles/source=upbit/timeframe=1min/series=KRW-BTC/1970-01.parquet"


@pytest.fixture
def filled(on_bucket, candles):
    lake = on_bucket()
    lake.append("KRW-BTC", "1m", candles([0, MINUTE]), Spans([(0, 3 * MINUTE)]))
    return lake


def entry(lake) -> Away:
    (found,) = lake.select("KRW-BTC", "1m").found["KRW-BTC"][1]
    return found


def test_a_stamp_stands_for_size_and_tag():
    one = stamp_of(Version(9, "a"))
    assert one == stamp_of(Version(9, "a")) != stamp_of(Version(9, "b"))
    assert one.size == 9
    assert one.mtime_ns % 100 == 0  # what every file system keeps
    assert 0 <= one.mtime_ns < 2**31 * 10**9


def test_a_file_of_the_mirror_has_the_time_that_stands_for_its_version(filled):
    stat = (filled.root / KEY).stat()
    assert (stat.st_size, stat.st_mtime_ns) == entry(filled).stamp[:2]


def test_the_mirror_may_go_at_any_time(filled):
    rows = filled.read("KRW-BTC", "1m")
    shutil.rmtree(filled.root)
    assert filled.read("KRW-BTC", "1m").equals(rows)


def test_a_file_that_rots_here_is_fetched_anew(filled, on_bucket):
    rows, path = filled.read("KRW-BTC", "1m"), filled.root / KEY
    stat, content = path.stat(), path.read_bytes()
    path.write_bytes(content[:100] + b"?" + content[101:])
    os.utime(path, ns=(stat.st_mtime_ns, stat.st_mtime_ns))
    assert on_bucket().read("KRW-BTC", "1m").equals(rows)


@pytest.mark.parametrize("left", [0.0, 0.5])
def test_a_copy_that_a_power_cut_emptied_is_fetched_anew(filled, on_bucket, left):
    """A copy need not be down before its name is: with any bytes it is compared when opened."""
    rows, path = filled.read("KRW-BTC", "1m"), filled.root / KEY
    stat, content = path.stat(), path.read_bytes()
    path.write_bytes(content[: int(stat.st_size * left)].ljust(stat.st_size, b"\0"))
    os.utime(path, ns=(stat.st_mtime_ns, stat.st_mtime_ns))
    assert on_bucket().covered("KRW-BTC", "1m") == Spans([(0, 3 * MINUTE)])
    assert on_bucket().read("KRW-BTC", "1m").equals(rows)


def test_only_a_copy_that_proves_itself_is_not_waited_for(filled, monkeypatch):
    content, version = filled.objects.read(KEY)
    synced = []
    monkeypatch.setattr(os, "fsync", synced.append)
    filled.mirror._keep(KEY, content, version)
    assert synced == []
    filled.mirror._keep(KEY, content[:-1], version)
    assert synced


def test_an_object_that_rots_is_told_of(filled, on_bucket):
    content, version = filled.objects.read(KEY)
    filled.objects.put(KEY, content[:100] + b"?" + content[101:], version)
    with pytest.raises(CorruptFile, match="1970-01"):
        on_bucket("two").read("KRW-BTC", "1m")


def test_what_is_gone_in_the_bucket_goes_here(filled):
    filled.objects.delete(KEY, entry(filled).version)
    filled.mirror.bring([(KEY, entry_of_nothing())])
    assert not (filled.root / KEY).exists()
    assert filled.read("KRW-BTC", "1m").is_empty()


def entry_of_nothing():
    return stamp_of(Version(1, "another"))


def test_another_version_is_not_put_over(filled):
    stale = Version(entry(filled).version.size, "stale")
    with pytest.raises(Conflict):
        filled.mirror.put(KEY, b"new", stale)
    assert filled.read("KRW-BTC", "1m").height == 2


def test_the_failure_of_a_bucket_is_said_of_the_lake():
    with (
        pytest.raises(NotWritable, match="memory://x cannot be written: away"),
        writable("memory://x"),
    ):
        raise LakeError("away")
    with pytest.raises(CorruptFile), writable("memory://x"):
        raise CorruptFile("one file")


def test_what_is_waited_for_is_waited_for_together_and_comes_in_order():
    assert together(lambda each: each * 2, [3, 1, 2]) == [6, 2, 4]
    assert together(str, []) == []


def test_a_folder_of_this_machine_that_takes_no_files_is_told_of(on_bucket, tmp_path):
    (tmp_path / "one").write_text("a file")
    with pytest.raises(NotWritable, match=r"mirror of memory://team/upbit.*\n.*MARKETKIT_CACHE"):
        on_bucket().require_writable()
