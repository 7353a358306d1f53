"""Second names for files of the lake, and the hashes behind each."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.snapshots import linking
from marketkit.data.lake.snapshots.linking import link_all
from marketkit.disk import sha256
from marketkit.errors import CorruptFile
from marketkit.timeframe import TIMEFRAMES

MINUTE = 60_000
SERIES = Series("upbit", "KRW-BTC", TIMEFRAMES["1m"])


@pytest.fixture
def filled(lake, candles, january):
    for month in (january - MINUTE, january):
        lake.append("KRW-BTC", "1m", candles([month]), Spans([(month, month + MINUTE)]))
    return lake


def link(lake, folder):
    found = [(SERIES, lake.index.entries(SERIES))]
    kept, failures = link_all(lake.root, lake.index, folder, found)
    for failure in failures.values():
        assert not kept
        assert not (folder / SERIES.folder).exists()
        raise failure
    return kept


def test_each_file_has_a_second_name_and_the_hash_of_its_bytes(filled, tmp_path):
    kept = link(filled, tmp_path / "set")
    assert sorted(file.entry.chunk for file in kept) == ["2023-12", "2024-01"]
    for file in kept:
        assert (tmp_path / "set" / file.path).samefile(filled.root / file.path)
        assert file.entry.sha256 == sha256(filled.root / file.path)


def test_bytes_are_compared_once_in_a_process_unless_something_touched_them(
    filled, tmp_path, monkeypatch
):
    link(filled, tmp_path / "a")
    compared, real = [], linking._hashed
    monkeypatch.setattr(
        linking,
        "_hashed",
        lambda path, *rest: (compared.append(Path(path).name), real(path, *rest))[1],
    )
    link(filled, tmp_path / "b")
    assert compared == []
    os.utime(filled.root / SERIES.path("2024-01"), ns=(0, 0))
    link(filled, tmp_path / "c")
    assert compared == ["2024-01.parquet"]


def test_a_copy_is_compared_itself(filled, tmp_path, monkeypatch):
    link(filled, tmp_path / "a")
    monkeypatch.setattr(linking, "link", shutil.copyfile)
    assert len(link(filled, tmp_path / "b")) == 2
    monkeypatch.setattr(
        linking,
        "link",
        lambda _source, target: open(target, "wb").close(),  # noqa: PTH123
    )
    with pytest.raises(CorruptFile):
        link(filled, tmp_path / "c")


def test_rot_is_set_aside_and_named(filled, tmp_path):
    path = filled.root / SERIES.path("2024-01")
    content = bytearray(path.read_bytes())
    content[30] ^= 1
    with path.open("r+b") as file:
        file.write(content)
    with pytest.raises(CorruptFile, match="2024-01"):
        link(Lake(filled.root), tmp_path / "a")
    assert next((filled.root / "corrupt").rglob("2024-01.parquet")).read_bytes() == content


def test_hashes_that_the_index_lacks_are_told_to_it(filled, tmp_path):
    for path in filled.root.glob("index.sqlite*"):
        path.unlink()
    lake = Lake(filled.root)
    assert [entry.sha256 for entry in lake.index.entries(SERIES)] == [None, None]
    link(lake, tmp_path / "a")
    assert all(entry.sha256 for entry in lake.index.entries(SERIES))
