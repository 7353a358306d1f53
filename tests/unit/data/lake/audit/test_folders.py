"""Folders looked at as they are: nothing is read as candles, and no refusal ends the look."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from marketkit.data.lake.audit.folders import (
    children,
    guarded,
    is_folder,
    stand_in,
    strangers,
    unreadable,
)
from marketkit.errors import CorruptFile


def put(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


def test_a_folder_is_listed_in_order_and_none_has_nothing(tmp_path):
    put(tmp_path, "a/c", "a/b")
    found = []
    assert [each.name for each in children(tmp_path, "a", found)] == ["b", "c"]
    assert children(tmp_path, "none", found) == children(tmp_path, "a/b", found) == found == []


def test_a_refusal_is_a_finding_in_place_of_a_list(tmp_path, monkeypatch):
    def refusing(_folder):
        raise PermissionError(13, "Permission denied")

    put(tmp_path, "a/b")
    monkeypatch.setattr(Path, "iterdir", refusing)
    found = []
    assert children(tmp_path, "a", found) == []
    assert [(each.path, each.finding, each.action) for each in found] == [
        ("a", "unreadable", "left")
    ]
    assert "may not be read by this user" in found[0].detail


def test_only_a_refusal_hides_whether_there_is_a_folder(tmp_path, monkeypatch):
    put(tmp_path, "file")
    assert is_folder(tmp_path)
    assert not is_folder(tmp_path / "file")
    assert not is_folder(tmp_path / "none")

    def refusing(_path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "stat", refusing)
    with pytest.raises(PermissionError):
        is_folder(tmp_path)


@pytest.mark.parametrize("error", [OSError(5, "I/O error"), CorruptFile("rot;\nhint")])
def test_what_ends_a_look_is_its_last_finding(tmp_path, error):
    def looking():
        yield unreadable(tmp_path, "a", OSError(5, "I/O error"))
        raise error

    first, last = guarded(tmp_path, "b", looking())
    assert (first.path, last.path, last.finding) == ("a", "b", "unreadable")
    assert "hint" not in last.detail


def test_what_only_stands_for_a_chunk_is_told(tmp_path):
    put(tmp_path, "file")
    (tmp_path / "pointer").write_text("version https://git-lfs.github.com/spec/v1\n")
    assert stand_in(tmp_path / "file") is stand_in(tmp_path) is stand_in(tmp_path / "none") is None
    assert "git lfs pull" in stand_in(tmp_path / "pointer")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        assert stand_in(tmp_path / "pipe") == "no file"
        (tmp_path / "link").symlink_to("nowhere")
        assert stand_in(tmp_path / "link") == "a link that leads nowhere"


def test_copies_odd_lists_and_odd_names_in_sets_are_found_and_own_files_are_not(tmp_path):
    put(
        tmp_path,
        *("lake.json", "lake (conflicted copy).json", ".gitattributes", "index.sqlite~"),
        *("markets/source=upbit/2024-01-01.parquet", "markets/source=upbit/x.parquet"),
        *("snapshots/a/candles/x/.DS_Store", "snapshots/a/candles/x/all.parquet"),
        *("snapshots/a/candles/_delta_log/_x", "snapshots/.beef.tmp/candles/.x"),
    )
    assert {(each.path, each.finding) for each in strangers(tmp_path)} == {
        ("lake (conflicted copy).json", "stray"),
        ("index.sqlite~", "stray"),
        ("markets/source=upbit/x.parquet", "stray"),
        ("snapshots/a/candles/x/.DS_Store", "stray"),
    }
