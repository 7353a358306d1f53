"""Messages about what the system does not let a process read."""

from __future__ import annotations

import os
from pathlib import Path

from marketkit.data.lake.format import refusal
from marketkit.data.lake.format.refusal import blocked, not_allowed, unreadable


def test_a_file_of_another_is_named_with_its_owner_and_mode(tmp_path):
    path = tmp_path / "2024-01.parquet"
    path.write_bytes(b"x")
    path.chmod(0o640)
    said = not_allowed(path)
    assert said.startswith(f"{path} may not be read by this user")
    if os.name != "nt":
        assert said.endswith(f"it belongs to user {path.owner()}, mode 640")


def test_the_first_folder_on_the_way_that_is_closed_is_named(tmp_path, monkeypatch):
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    monkeypatch.setattr(os, "access", lambda path, _mode: Path(path) != tmp_path / "a")
    assert blocked(folder / "file") == tmp_path / "a"
    monkeypatch.undo()
    assert blocked(folder / "file") == folder / "file"


def test_an_owner_without_a_name_is_a_number(tmp_path, monkeypatch):
    def nobody(_path):
        raise KeyError("uid not found")

    monkeypatch.setattr(Path, "owner", nobody)
    assert refusal._name(tmp_path, 4242) == "4242"


def test_each_reason_has_two_lines_and_the_second_names_what_helps(tmp_path):
    for error in (PermissionError(13, "no"), FileNotFoundError(2, "gone"), OSError(5, "I/O error")):
        first, second = str(unreadable(tmp_path / "file", error)).splitlines()
        assert str(tmp_path / "file") in first
        assert "marketkit lake repair" in second
