"""The folder of images: off, remote, full, and within its bounds."""

from __future__ import annotations

import os

import pytest

from marketkit.data.lake.tier import folder
from marketkit.data.lake.tier.folder import images, remove, shrink, touch
from marketkit.errors import InputError


@pytest.fixture(autouse=True)
def _new_judgement():
    folder._is_usable.cache_clear()
    yield
    folder._is_usable.cache_clear()


@pytest.fixture
def kept(tmp_path):
    """Three images of a hundred bytes, used one after the other."""
    files = [tmp_path / "series=KRW-BTC" / f"{number}.arrow" for number in range(3)]
    files[0].parent.mkdir()
    for number, file in enumerate(files):
        file.write_bytes(bytes(100))
        os.utime(file, (0, 1_000 + number))
    return files


@pytest.mark.parametrize("said", ["0", "off", " OFF "])
def test_images_can_be_off(said, monkeypatch):
    assert images() is not None
    monkeypatch.setenv("MARKETKIT_TIER", said)
    assert images() is None


def test_a_setting_that_is_no_number_of_bytes_is_refused(monkeypatch):
    monkeypatch.setenv("MARKETKIT_TIER", "2GB")
    with pytest.raises(InputError, match="MARKETKIT_TIER='2GB' is no number of bytes"):
        images()


@pytest.mark.parametrize(
    ("kind", "usable"),
    [("ext4", True), ("tmpfs", True), ("overlay", True), ("nfs4", False), ("fuse.sshfs", False)],
)
def test_images_are_on_disks_of_this_machine_alone(kind, usable, tmp_path, monkeypatch):
    device = tmp_path.stat().st_dev
    mark = f"{os.major(device)}:{os.minor(device)}"
    mounts = f"1 0 999:999 / / rw - xfs /x rw\n30 1 {mark} / /y rw - {kind} /dev/z rw\n"
    monkeypatch.setattr(folder.system, "proc", {"self/mountinfo": mounts}.get)
    assert (images() is not None) is usable


def test_a_system_that_lists_no_mounts_is_taken_at_its_word(tmp_path, monkeypatch):
    monkeypatch.setattr(folder.system, "proc", lambda _: "")
    assert images() is not None


def test_the_images_that_were_not_used_for_longest_go(kept, tmp_path):
    touch(os.fspath(kept[0]))
    assert shrink(tmp_path, 250) == 1
    assert [file.exists() for file in kept] == [True, False, True]
    assert shrink(tmp_path, 250) == 0
    assert shrink(tmp_path, 0) == 2


def test_what_the_dead_left_half_done_is_swept(kept, tmp_path, monkeypatch):
    half, other = kept[0].with_name("half.arrow.1.beef.tmp"), tmp_path / "seen"
    for file in (half, other):
        file.write_bytes(b"half")
    os.utime(half, ns=(0, 0))  # a time that it is given tells nothing
    assert shrink(tmp_path, 1000) == 0
    assert half.exists()
    hours = folder.file_time(tmp_path) + 7200 * 10**9
    monkeypatch.setattr(folder, "file_time", lambda _: hours)
    assert shrink(tmp_path, 1000) == 0
    assert (half.exists(), other.exists()) == (False, True)


def test_a_folder_that_is_not_there_has_no_images(tmp_path):
    assert shrink(tmp_path / "none", 0) == 0
    touch(os.fspath(tmp_path / "none" / "x.arrow"))


def test_an_image_that_may_not_be_removed_stays(tmp_path):
    assert not remove(tmp_path / "none.arrow")
