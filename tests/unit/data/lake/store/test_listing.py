"""The names in the folder of a series that are those of chunks."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from marketkit.data.lake.format.chunk import Stamp
from marketkit.data.lake.store.listing import stamps_in
from marketkit.errors import CorruptFile
from marketkit.timeframe import TIMEFRAMES

MINUTES = TIMEFRAMES["1m"]


def test_names_of_chunks_are_listed_with_their_versions_and_no_others(tmp_path):
    for name in ("2024-01.parquet", "2024.parquet", "._2024-01.parquet", "2024-01.parquet~", "x"):
        (tmp_path / name).write_bytes(b"x")
    stamp = Stamp.of((tmp_path / "2024-01.parquet").stat())
    assert stamps_in(tmp_path, MINUTES) == {"2024-01": stamp}
    assert set(stamps_in(tmp_path, TIMEFRAMES["5m"])) == {"2024"}


def test_a_folder_that_is_not_there_has_none(tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    assert stamps_in(tmp_path / "none", MINUTES) == stamps_in(tmp_path / "file", MINUTES) == {}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes")
def test_a_pipe_is_none_and_a_link_to_nowhere_is_of_no_version(tmp_path):
    os.mkfifo(tmp_path / "2024-01.parquet")
    (tmp_path / "2024-02.parquet").symlink_to("nowhere")
    assert stamps_in(tmp_path, MINUTES) == {"2024-02": Stamp(-1, -1, -1)}


def test_a_refused_look_is_an_error_that_names_the_folder(tmp_path, monkeypatch):
    def refusing(folder):
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(CorruptFile, match="may not be read by this user") as told:
        stamps_in(tmp_path, MINUTES)
    assert str(Path(tmp_path)) in str(told.value)
