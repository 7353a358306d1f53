"""Files and folders that are there whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest

from marketkit import disk
from marketkit.disk import (
    TEMPORARY,
    file_time,
    link,
    new_folder,
    sha256,
    sync_file,
    sync_tree,
    write_atomic,
    write_new,
)
from marketkit.errors import LakeError


def recorded(monkeypatch, steps: list[str]) -> None:
    """Note each system call that makes a write safe."""
    for name in ("fsync", "replace"):
        real = getattr(os, name)

        monkeypatch.setattr(
            os, name, lambda *given, real=real, name=name: (steps.append(name), real(*given))[1]
        )


def test_bytes_are_down_before_the_name_and_the_name_before_the_call_returns(tmp_path, monkeypatch):
    steps: list[str] = []
    recorded(monkeypatch, steps)
    write_atomic(tmp_path / "a", lambda file: steps.append("fill") or file.write(b"x"))
    assert steps == ["fill", "fsync", "replace", "fsync"]


def test_the_status_given_is_that_of_the_file_in_place(tmp_path):
    status = write_atomic(tmp_path / "a", lambda file: file.write(b"four"))
    now = (tmp_path / "a").stat()
    assert (status.st_size, status.st_mtime_ns, status.st_ino) == (4, now.st_mtime_ns, now.st_ino)


@pytest.mark.parametrize("step", ["fill", "fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, step):
    path = tmp_path / "a"
    path.write_text("old")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "the disk is full")

    if step != "fill":
        monkeypatch.setattr(os, step, full)
    with pytest.raises(OSError, match="full"):
        write_atomic(path, full if step == "fill" else lambda file: file.write(b"new"))
    assert [each.name for each in tmp_path.iterdir()] == ["a"]
    assert path.read_text() == "old"


def test_a_half_written_file_has_the_suffix_that_sweepers_look_for(tmp_path):
    seen = []
    write_atomic(tmp_path / "a.csv", lambda _: seen.extend(tmp_path.iterdir()))
    assert [(each.name.startswith("a.csv."), each.suffix) for each in seen] == [(True, TEMPORARY)]


def no_links(path: object, target: object) -> None:
    raise OSError(errno.EPERM, "no links here")


def test_a_link_is_the_same_file_and_keeps_it_when_the_first_name_moves_on(tmp_path):
    path, target = tmp_path / "a", tmp_path / "b"
    path.write_text("old")
    link(str(path), str(target))
    assert target.samefile(path)
    (tmp_path / "new").write_text("new")
    (tmp_path / "new").replace(path)
    assert target.read_text() == "old"


def test_without_links_it_is_a_copy(tmp_path, monkeypatch):
    path, target = tmp_path / "a", tmp_path / "b"
    path.write_bytes(b"x" * 3_000_000)
    monkeypatch.setattr(os, "link", no_links)
    link(str(path), str(target))
    assert not target.samefile(path)
    assert target.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("links", [True, False])
def test_what_is_missing_is_not_linked_and_what_is_there_not_replaced(tmp_path, monkeypatch, links):
    if not links:
        monkeypatch.setattr(os, "link", no_links)
    (tmp_path / "b").write_text("mine")
    with pytest.raises(FileNotFoundError):
        link(str(tmp_path / "a"), str(tmp_path / "c"))
    (tmp_path / "a").write_text("other")
    with pytest.raises(FileExistsError):
        link(str(tmp_path / "a"), str(tmp_path / "b"))
    assert (tmp_path / "b").read_text() == "mine"


def test_the_hash_is_of_all_bytes(tmp_path):
    content = os.urandom(100_000)
    (tmp_path / "a").write_bytes(content)
    assert sha256(tmp_path / "a") == hashlib.sha256(content).hexdigest()


def test_a_new_file_never_replaces_one(tmp_path):
    write_new(tmp_path / "a", "first")
    with pytest.raises(FileExistsError):
        write_new(tmp_path / "a", "second")
    assert (tmp_path / "a").read_text() == "first"


def test_every_folder_of_a_tree_is_made_safe(tmp_path, monkeypatch):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "c").mkdir()
    synced = []
    monkeypatch.setattr("marketkit.disk.sync_folder", synced.append)
    sync_tree(tmp_path)
    folders = [tmp_path, tmp_path / "a", tmp_path / "a" / "b", tmp_path / "c"]
    assert sorted(map(Path, synced)) == folders


def test_a_folder_that_is_renamed_stays_and_one_that_is_not_goes(tmp_path):
    parent = tmp_path / "deep" / "parent"
    with new_folder(parent) as folder:
        (folder / "a").write_text("x")
        assert folder.name.startswith(".")
        folder.rename(parent / "done")
    assert [path.name for path in parent.iterdir()] == ["done"]
    with suppress(KeyboardInterrupt), new_folder(parent) as folder:
        (folder / "a").write_text("x")
        raise KeyboardInterrupt
    assert [path.name for path in parent.iterdir()] == ["done"]
    assert Path(parent / "done" / "a").read_text() == "x"


def test_the_time_of_a_file_system_is_what_it_dates_its_files_by(tmp_path):
    (tmp_path / "before").touch()
    now = file_time(tmp_path)
    (tmp_path / "after").touch()
    before, after = ((tmp_path / name).stat().st_mtime_ns for name in ("before", "after"))
    assert before <= now <= after
    assert {path.name for path in tmp_path.iterdir()} == {"before", "after"}


def test_a_folder_that_is_not_there_has_no_time(tmp_path):
    with pytest.raises(OSError, match="gone"):
        file_time(tmp_path / "gone")


def test_a_file_of_another_program_is_synced_as_it_is(tmp_path, monkeypatch):
    steps: list[str] = []
    recorded(monkeypatch, steps)
    (tmp_path / "theirs").write_bytes(b"content")
    sync_file(tmp_path / "theirs")
    assert steps == ["fsync"]
    assert (tmp_path / "theirs").read_bytes() == b"content"


def test_bytes_are_written_behind_what_counts_and_in_place_of_the_rest(tmp_path):
    path = tmp_path / "log"
    status = disk.append_synced(path, b"one", 0)
    assert status.st_size == 3
    with pytest.raises(FileExistsError):
        disk.append_synced(path, b"again", 0)
    path.write_bytes(b"one" + b"half of a longer one")
    assert disk.append_synced(path, b"two", 3).st_size == 6
    assert path.read_bytes() == b"onetwo"


def test_bytes_that_cannot_be_synced_are_taken_back(tmp_path, monkeypatch):
    path = tmp_path / "log"
    disk.append_synced(path, b"one", 0)

    def full(_descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(disk, "_sync_data", full)
    with pytest.raises(OSError, match="No space left"):
        disk.append_synced(path, b"two", 3)
    assert path.read_bytes() == b"one"


def test_a_temporary_folder_goes_when_it_is_not_needed():
    with disk.temporary_folder("test") as folder:
        (folder / "a").mkdir()
        assert folder.name.startswith("marketkit-test-")
    assert not folder.exists()


def test_no_room_for_a_temporary_folder_is_said_with_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with (
        pytest.raises(LakeError, match=r"no temporary folder can be made: .*gone.*\nTMPDIR"),
        disk.temporary_folder("test"),
    ):
        pass
