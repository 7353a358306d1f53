"""What is a folder's own; the promises of all places are in tests/scale."""

from __future__ import annotations

import os
import sys

import pytest

from marketkit.data.lake.format.objects import Conflict
from marketkit.data.lake.places import disk as module
from marketkit.data.lake.places.disk import Disk
from marketkit.disk import write_atomic
from marketkit.errors import CorruptFile, InputError, LakeError, NotWritable

KEY = "a/b.parquet"


@pytest.fixture
def place(tmp_path) -> Disk:
    return Disk(tmp_path / "lake")


def test_objects_are_plain_files(place):
    place.put(KEY, b"1", None)
    assert (place.root / KEY).read_bytes() == b"1"


def test_a_version_is_of_size_time_and_inode(place):
    version = place.put(KEY, b"1", None)
    status = (place.root / KEY).stat()
    assert version == (1, f"{status.st_mtime_ns}:{status.st_ino}")


def test_a_file_of_another_program_is_another_version(place):
    version = place.put(KEY, b"1", None)
    write_atomic(place.root / KEY, lambda file: file.write(b"2"))
    with pytest.raises(Conflict):
        place.put(KEY, b"3", version)
    assert place.read(KEY)[0] == b"2"


@pytest.mark.skipif(os.utime not in os.supports_fd, reason="files are dated by their names here")
def test_a_file_is_younger_than_the_one_before_however_coarse_the_clock(place):
    version = place.put(KEY, b"1", None)
    late = int(version.tag.partition(":")[0]) + 10**12
    os.utime(place.root / KEY, ns=(late, late))
    later = place.put(KEY, b"2", place.written_at(KEY)[0])
    assert int(later.tag.partition(":")[0]) == late + 1


def test_half_written_files_are_no_objects(place):
    place.put(KEY, b"1", None)
    (place.root / "a" / "b.parquet.17.ab12.tmp").write_bytes(b"half")
    assert [key for key, _ in place.list("a/")] == [KEY]


def test_a_copy_is_a_second_name(place):
    version = place.put(KEY, b"1", None)
    place.copy(KEY, version, "c/d")
    assert (place.root / "c" / "d").samefile(place.root / KEY)


def test_a_copy_never_is_of_a_later_version(place, monkeypatch):
    first = place.put(KEY, b"1", None)
    real = module.disk.link

    def link(path: str, target: str) -> None:
        write_atomic(place.root / KEY, lambda file: file.write(b"22"))
        real(path, target)

    monkeypatch.setattr(module.disk, "link", link)
    with pytest.raises(Conflict):
        place.copy(KEY, first, "c")
    assert not (place.root / "c").exists()


@pytest.mark.parametrize("key", ["../out", "/etc/passwd", "a//b", "a/./b", "a\\b", "", "a/.."])
def test_no_key_leads_out_of_the_folder(place, key):
    for call in (place.read, place.written_at, lambda key: place.put(key, b"1", None)):
        with pytest.raises(InputError, match="no key of an object"):
            call(key)


def test_a_list_leads_nowhere_else_either(place):
    with pytest.raises(InputError):
        list(place.list("../"))


def test_a_lock_is_one_and_is_waited_for(place, monkeypatch):
    monkeypatch.setattr(module, "_WAIT", 0.01)
    with place.changing(".locks/1min/KRW-BTC.lock"):
        again = place.changing(".locks/1min/KRW-BTC.lock")
        with pytest.raises(LakeError, match="another writer has held"), again:
            pass
        place.put(KEY, b"1", None)  # which waits for no such lock


@pytest.mark.skipif(
    sys.platform == "win32" or os.getuid() == 0, reason="all is allowed to root, and modes to POSIX"
)
def test_what_may_not_be_read_or_written_is_said(place):
    place.put(KEY, b"1", None)
    (place.root / KEY).chmod(0)
    with pytest.raises(CorruptFile, match="may not be read"):
        place.read(KEY)
    (place.root / "a").chmod(0o500)
    with pytest.raises(NotWritable, match="cannot be written"):
        place.put("a/new", b"1", None)
    (place.root / "a").chmod(0o700)


def test_a_folder_in_the_place_of_an_object_is_said(place):
    (place.root / KEY).mkdir(parents=True)
    with pytest.raises(CorruptFile):
        place.read(KEY)


def test_it_shows_its_folder(place):
    assert repr(place) == f"Disk({str(place.root)!r})"
