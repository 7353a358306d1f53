"""The seal in a file's own footer: any bit that flips shows."""

from __future__ import annotations

import random

import polars as pl
import pytest

from marketkit.recording import seal


@pytest.fixture
def path(tmp_path):
    """A sealed file."""
    path = tmp_path / "x.parquet"
    rows = pl.DataFrame({"a": range(1000), "b": ["sha256"] * 1000})
    rows.write_parquet(path, metadata=seal.blank(["05.1.part.parquet"]))
    seal.put(path, path)
    return path


def test_a_sealed_file_is_whole_and_still_parquet(path):
    assert seal.check(path) is True
    assert pl.read_parquet(path)["a"].to_list() == list(range(1000))
    assert "05.1.part.parquet" in pl.read_parquet_metadata(path)[seal.KEY]


def test_no_flipped_bit_and_no_cut_leaves_a_file_whole(path):
    content, chance = path.read_bytes(), random.Random(1)
    for _ in range(300):
        broken = bytearray(content)
        broken[chance.randrange(len(broken))] ^= 1 << chance.randrange(8)
        path.write_bytes(broken)
        assert seal.check(path) is not True
    for size in (0, 3, 8, 50, len(content) - 1):
        path.write_bytes(content[:size])
        assert seal.check(path) is None
    path.write_bytes(content)
    assert seal.check(path) is True


def test_a_file_without_a_seal_has_none_and_no_room_for_one(tmp_path):
    path = tmp_path / "x.parquet"
    pl.DataFrame({"a": [1]}).write_parquet(path)
    assert seal.check(path) is None
    with pytest.raises(OSError, match="no room for its seal"):
        seal.put(path, path)


def test_a_file_in_the_place_of_another_is_not_whole(path):
    other = path.with_name("y.parquet")
    other.write_bytes(path.read_bytes())
    assert seal.check(other) is False
    path.parent.rename(path.parent.with_name("elsewhere"))
    assert seal.check(path.parent.with_name("elsewhere") / path.name) is False
