"""Names that desktops, editors and syncing programs give, and texts that stand for files."""

from __future__ import annotations

import pytest

from marketkit.data.lake.format.strangers import (
    is_copy,
    is_half,
    is_pointer,
    is_stranger,
    sweep,
    told,
)

OURS = [
    "2024-01.parquet",
    "all.parquet",
    "KRW-BTC.ndjson",
    "lake.json",
    "notes.txt",
    "index.sqlite",
]
STRANGE = {
    ".DS_Store": "not a file of candles",
    "_SUCCESS": "not a file of candles",
    "._2024-01.parquet": "not a file of candles",
    ".2024-01.parquet.icloud": "stands for 2024-01.parquet, which lies in iCloud",
    "2024-01.parquet~": "editor",
    "2024-01~.parquet": "editor",
    "2024-01.parquet.tmp": "unfinished",
    "2024-01 (conflicted copy).parquet": "two machines",
    "2024-01 (A's Conflicted Copy 2026-11-20).parquet": "two machines",
    "2024-01.sync-conflict-20261120-101010-ABC.parquet": "two machines",
}


@pytest.mark.parametrize("name", STRANGE)
def test_a_strange_name_is_known_and_told(name):
    assert is_stranger(name)
    assert STRANGE[name] in told(name)


@pytest.mark.parametrize("name", OURS)
def test_a_name_of_data_is_not_strange(name):
    assert not is_stranger(name)
    assert not is_copy(name)


def test_an_unfinished_file_of_ours_is_told_from_one_of_others():
    assert is_half("2024-01.parquet.999.beef.tmp")
    assert not any(map(is_half, ("2024-01.parquet.tmp", ".x.parquet.Ab3dEf", "x.999.beef.tmp~")))


def test_sweeping_removes_what_writers_of_ours_left_and_nothing_else(tmp_path):
    kept = ["2024-01.parquet", "2024-01.parquet.tmp", ".syncthing.2024-01.parquet.tmp"]
    for name in (*kept, "2024-01.parquet.123.abcd.tmp"):
        (tmp_path / name).write_bytes(b"half")
    (tmp_path / "2024-02.parquet.123.abcd.tmp").mkdir()
    sweep(tmp_path)
    left = {each.name for each in tmp_path.iterdir()}
    assert left == {*kept, "2024-02.parquet.123.abcd.tmp"}


@pytest.mark.parametrize(
    ("content", "pointer"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", True),
        (b"/annex/objects/SHA256E-s1--0.parquet\n", True),
        (b"PAR1 and more PAR1", False),
        (b"", False),
        (b"version https://git-lfs.github.com/spec/v1\n" + b" " * 2000, False),
    ],
)
def test_a_pointer_is_told_by_its_first_bytes(tmp_path, content, pointer):
    (tmp_path / "file").write_bytes(content)
    assert is_pointer(tmp_path / "file") is pointer


def test_what_cannot_be_read_is_no_pointer(tmp_path):
    assert not is_pointer(tmp_path)
    assert not is_pointer(tmp_path / "none")
