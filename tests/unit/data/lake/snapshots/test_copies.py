"""Copies of chunks with their content in their names."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from marketkit.data.lake.snapshots.copies import copy, hashed, object_of
from marketkit.data.lake.snapshots.manifest import FrozenFile
from marketkit.errors import CorruptFile


def named(kept: FrozenFile) -> str:
    return object_of(kept)


def test_the_hash_of_a_chunk_is_learned_and_names_the_copy(folder):
    (known,) = folder.chunks("A")
    chunk = known._replace(entry=replace(known.entry, sha256=None))
    assert hashed(folder.place, chunk) == known
    digest = hashlib.sha256(folder.place.read(chunk.path)[0]).hexdigest()
    assert known.entry.sha256 == digest
    kept = copy(folder.place, known, named, set())
    below = "source=upbit/timeframe=1min/series=KRW-A"
    assert object_of(kept) == f"tables/candles/{below}/2024-01.{digest[:12]}.parquet"
    assert object_of(kept, 2).endswith(f".{digest[:12]}-2.parquet")
    assert folder.copies() == {object_of(kept)}
    assert hashed(folder.place, known) is known


def test_a_copy_that_is_there_is_not_made_again(folder):
    known = folder.chunks("A")[0]
    kept = FrozenFile(known.series, known.entry)
    assert copy(folder.place, known, named, {object_of(kept)}) == kept
    assert folder.copies() == set()


def test_a_chunk_that_was_replaced_meanwhile_is_kept_as_it_is_now(folder):
    known = folder.chunks("A")[0]
    folder.write("A", 7.0)
    kept = copy(folder.place, known, named, set())
    now = hashlib.sha256(folder.place.read(known.path)[0]).hexdigest()
    assert kept.entry.sha256 == now != known.entry.sha256
    assert kept.entry.stamp.size == len(folder.place.read(object_of(kept))[0])


def test_a_chunk_that_is_gone_is_no_part(folder):
    known = folder.chunks("A")[0]
    chunk = known._replace(entry=replace(known.entry, sha256=None))
    folder.place.delete(chunk.path, chunk.version)
    assert hashed(folder.place, chunk) is None
    assert copy(folder.place, known, named, set()) is None


def test_bytes_that_were_not_written_are_never_copied(folder):
    known = folder.chunks("A")[0]
    chunk = known._replace(entry=replace(known.entry, sha256=None))
    content = bytearray(folder.place.read(chunk.path)[0])
    content[100] ^= 1
    folder.place.put(chunk.path, bytes(content), chunk.version)
    failure = hashed(folder.place, chunk)
    assert isinstance(failure, CorruptFile)
    assert "2024-01.parquet cannot be kept" in str(failure)
    with pytest.raises(CorruptFile):
        copy(folder.place, known, named, set())
