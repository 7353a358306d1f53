"""Files that are compared with their proof once in a process."""

from __future__ import annotations

import os
from contextlib import ExitStack

import pytest

from marketkit.coverage import Spans
from marketkit.data.lake.format.chunk import Entry, Version, describe, write_chunk
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.store import verified
from marketkit.data.lake.store.verified import known_of, verify_files
from marketkit.errors import CorruptFile
from marketkit.timeframe import TIMEFRAMES

MINUTE = 60_000
SERIES = Series("upbit", "KRW-BTC", TIMEFRAMES["1m"])


@pytest.fixture
def paths(tmp_path, candles, january):
    for number in range(3):
        rows = candles([january], close=number + 1.0)
        footer = describe(rows, Spans([(january, january + MINUTE)]), None)
        write_chunk(tmp_path / f"{number}.parquet", rows, footer, SERIES)
    return sorted(tmp_path.iterdir())


def compare(paths, known=None):
    with ExitStack() as stack:
        files = [(path, stack.enter_context(path.open("rb", buffering=0))) for path in paths]
        verify_files(files, known or {})
        return [file.tell() for _, file in files]


def flip(path):
    """Flip a bit; the file's times but the last change are as before."""
    stat = path.stat()
    with path.open("r+b") as file:
        file.seek(40)
        byte = file.read(1)[0]
        file.seek(40)
        file.write(bytes([byte ^ 1]))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def test_files_are_left_at_their_beginning(paths):
    assert compare(paths) == [0, 0, 0]
    assert compare(paths[:1]) == [0]


def test_each_version_is_compared_once(paths, monkeypatch):
    compare(paths)
    compared = []
    monkeypatch.setattr(verified, "verify", lambda content, _: compared.append(content))
    compare(paths)
    assert compared == []
    paths[1].write_bytes(b"another")
    compare(paths)
    assert compared == [b"another"]


def test_what_was_changed_in_place_is_compared_again_and_named(paths):
    compare(paths)
    flip(paths[1])
    for some in (paths, paths[1:2]):
        with pytest.raises(CorruptFile, match=r"1\.parquet"):
            compare(some)


def test_a_version_is_known_by_its_second_name_too(paths, tmp_path):
    compare(paths[:1])
    before = paths[0].stat()
    (tmp_path / "second").hardlink_to(paths[0])
    after = paths[0].stat()
    assert not verified.carry(paths[1].stat(), paths[1].stat())
    assert not verified.carry(before, paths[1].stat())
    assert verified.carry(before, after)
    assert verified.carry(after, after)


def test_more_versions_than_are_remembered_are_compared_again(paths, monkeypatch):
    monkeypatch.setattr(verified, "_MOST", 1)
    monkeypatch.setattr(verified, "_seen", {})
    compare(paths)
    assert len(verified._seen) == 1


def test_of_a_file_that_changes_again_and_again_one_version_is_remembered(paths, monkeypatch):
    monkeypatch.setattr(verified, "_seen", {})
    for turn in range(20):
        os.utime(paths[0], ns=(turn, turn))
        compare(paths[:1])
    assert len(verified._seen) == 1


def test_a_hash_counts_for_the_version_that_it_is_of(paths, monkeypatch):
    monkeypatch.setattr(verified, "_seen", {})
    told = []
    monkeypatch.setattr(verified, "verify", lambda _, sha256: told.append(sha256))
    stamp = verified.Stamp.of(paths[0].stat())
    compare(paths[:1], {paths[0]: Version(stamp, "a")})
    compare(paths[1:2], {paths[1]: Version(stamp, "a")})
    assert told == ["a", None]


def test_entries_without_a_hash_tell_nothing(paths):
    stamp = verified.Stamp.of(paths[0].stat())
    entries = [Entry("2024-01", stamp, None, sha256) for sha256 in ("a", None)]
    assert known_of(zip(paths, entries, strict=False)) == {paths[0]: Version(stamp, "a")}
