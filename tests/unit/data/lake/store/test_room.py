"""The room of mirrors: bounded, the longest unused go, and no reader is hindered."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from marketkit.coverage import Spans
from marketkit.data.lake.store import room as rooms
from marketkit.data.lake.store import scan
from marketkit.data.lake.store.mirror import Mirror
from marketkit.data.lake.store.room import NAME, Hold, Room, room_at
from marketkit.errors import CorruptFile, InputError
from marketkit.timeframe import MINUTE

CODES = [f"KRW-A{number}" for number in range(5)]
FEW = 3


@pytest.fixture
def filled(on_bucket, candles):
    """A lake of another machine with five files of about the same size."""
    lake = on_bucket("other")
    for code in CODES:
        rows = candles([0, MINUTE, 2 * MINUTE], symbol=code)
        lake.append(code, "1m", rows, Spans([(0, 3 * MINUTE)]))
    shutil.rmtree(lake.root)
    return lake


@pytest.fixture
def bound(filled, monkeypatch):
    """Have room for three files and a half."""
    sizes = [version.size for key, version in filled.objects.list("candles/")]
    most = int((FEW + 0.5) * max(sizes))
    monkeypatch.setenv("MARKETKIT_MIRROR", str(most))
    return most


def kept(lake) -> dict[str, Path]:
    """Give the copies that a machine has, by the code."""
    files = (lake.root / "candles").rglob("*.parquet")
    return {each.parent.name.removeprefix("series="): each for each in files}


def read(lake, *codes) -> None:
    for code in codes:
        assert lake.read(code, "1m").height == 3


def counted(lake, monkeypatch) -> list[str]:
    """Note the keys that are fetched from now on."""
    fetched, real = [], lake.mirror.objects.read
    monkeypatch.setattr(
        lake.mirror.objects, "read", lambda key, *of: (fetched.append(key), real(key, *of))[1]
    )
    return fetched


@contextmanager
def another(code, lake) -> Iterator[subprocess.Popen[str]]:
    """Run code with the room of a lake's mirror in another process, once that is ready."""
    script = "import sys; from pathlib import Path\n"
    script += "from marketkit.data.lake.store.room import Room\nroom = Room(Path(sys.argv[1]))\n"
    command = [sys.executable, "-c", script + code, str(lake.root.parent)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process


def test_the_longest_unused_files_go_first(bound, on_bucket):
    lake = on_bucket()
    read(lake, *CODES[:FEW])
    read(lake, CODES[0])
    read(lake, CODES[3])
    assert set(kept(lake)) == {CODES[0], CODES[2], CODES[3]}
    read(lake, *CODES)  # in any order: what went is fetched again
    assert len(kept(lake)) == FEW


def test_a_use_in_another_process_counts(bound, on_bucket):
    lake = on_bucket()
    read(lake, *CODES[:FEW])
    Room(lake.root.parent).used([kept(lake)[CODES[0]]])
    read(lake, CODES[3])
    assert set(kept(lake)) == {CODES[0], CODES[2], CODES[3]}


def test_a_read_that_is_larger_than_the_bound_is_whole_and_leaves_no_more_than_that(
    bound, on_bucket, monkeypatch
):
    lake = on_bucket()
    fetched = counted(lake, monkeypatch)
    assert lake.read(None, "1m").height == 15
    assert len([each for each in fetched if each.startswith("candles")]) == 5
    assert sum(each.stat().st_size for each in kept(lake).values()) <= bound


def test_a_frame_that_is_made_stays_valid_without_its_files(filled, on_bucket, monkeypatch):
    monkeypatch.setenv("MARKETKIT_MIRROR", "off")
    lake = on_bucket()
    frame = lake.scan(None, "1m")
    rows = lake.read(None, "1m")
    assert not kept(lake)
    assert frame.collect().equals(rows)


@pytest.mark.parametrize("said", ["0", "off", "1"])
def test_without_any_room_reads_and_writes_are_as_ever(
    said, filled, on_bucket, candles, monkeypatch
):
    monkeypatch.setenv("MARKETKIT_MIRROR", said)
    lake = on_bucket()
    read(lake, *CODES)
    lake.append(CODES[0], "1m", candles([3 * MINUTE], symbol=CODES[0]), Spans([(0, 4 * MINUTE)]))
    assert lake.read(CODES[0], "1m").height == 1
    assert not kept(lake)


def test_a_bound_that_is_no_number_is_refused(filled, on_bucket, monkeypatch):
    monkeypatch.setenv("MARKETKIT_MIRROR", "20GB")
    with pytest.raises(InputError, match="MARKETKIT_MIRROR='20GB'"):
        on_bucket().read(CODES[0], "1m")


def test_writers_fill_no_more_than_the_bound(bound, on_bucket, candles):
    lake = on_bucket()
    for number in range(8):
        code = f"KRW-B{number}"
        lake.append(code, "1m", candles([0, MINUTE], symbol=code), Spans([(0, 3 * MINUTE)]))
    assert sum(each.stat().st_size for each in kept(lake).values()) <= bound
    assert len(lake.catalog()) == 5 + 8


def test_all_mirrors_have_one_bound(bound, on_bucket):
    one, two = on_bucket("one"), on_bucket("two")
    read(one, *CODES[:FEW])
    read(two, *CODES[:FEW])
    assert (len(kept(one)), len(kept(two))) == (0, FEW)


def test_files_of_frozen_sets_count_and_are_fetched_again(bound, on_bucket):
    lake = on_bucket()
    lake.freeze("all")
    frozen = lake.as_of("all")
    assert frozen.read(None, "1m").height == 15
    files = [each for each in lake.root.rglob("*.parquet") if "candles" in each.parts]
    assert sum(each.stat().st_size for each in files) <= bound
    assert frozen.read(None, "1m").height == 15


def test_nothing_but_copies_of_chunks_goes(filled, on_bucket, monkeypatch):
    lake = on_bucket()
    read(lake, *CODES)
    ours = ["jobs/a.parquet", ".audit-x/candles/source=upbit/a.parquet", "journal/pages"]
    strange = lake.root.parent / "no-mirror" / "candles" / "source=upbit" / "a.parquet"
    others = [strange, *(lake.root / each for each in ours)]
    for each in others:
        each.parent.mkdir(parents=True, exist_ok=True)
        each.write_bytes(b"not a copy")
    monkeypatch.setenv("MARKETKIT_MIRROR", "0")
    read(lake, CODES[0])
    assert not [each for each in kept(lake).values() if ".audit-x" not in each.parts]
    assert all(each.exists() for each in others)


def test_a_file_that_is_held_stays_until_it_is_let_go_of(filled, on_bucket, monkeypatch):
    lake = on_bucket()
    read(lake, *CODES)
    path = kept(lake)[CODES[1]]
    one, two = (Hold(lake.mirror.room, path) for _ in range(2))
    one.let_go()
    one.let_go()  # twice is once
    monkeypatch.setenv("MARKETKIT_MIRROR", "0")
    lake.mirror.room.settle()
    assert list(kept(lake)) == [CODES[1]]
    del one, two
    gc.collect()
    lake.mirror.room.settle()
    assert not kept(lake)


def test_a_copy_that_another_process_removes_at_the_last_moment_is_fetched_again(
    filled, on_bucket, monkeypatch
):
    lake, removed = on_bucket(), []

    def remove(path):
        if path not in removed:
            removed.append(path)
            path.unlink()
        return real(path)

    real = scan.open_file
    monkeypatch.setattr(scan, "open_file", remove)
    assert lake.read(CODES, "1m").height == 15
    assert len(removed) == 5


READERS = {
    "read": lambda lake: lake.read(None, "1m"),
    "part": lambda lake: lake.read(None, "1m", MINUTE, 2 * MINUTE),
    "scan": lambda lake: lake.scan(None, "1m").collect(),
    "latest": lambda lake: lake.latest(None, "1m", 2),
    "sql": lambda lake: lake.sql("select * from candles_1m order by symbol, time"),
    "diff": lambda lake: lake.diff("all", by="rows"),
    "provenance": lambda lake: lake.provenance(CODES[0], "1m"),
    "frozen": lambda lake: lake.as_of("all").read(None, "1m"),
}


@pytest.mark.parametrize("name", READERS)
def test_no_reader_misses_what_another_process_removes(
    name, filled, on_bucket, candles, monkeypatch
):
    if name == "sql":
        pytest.importorskip("duckdb")
    filled.freeze("all")
    page = candles([0], symbol=CODES[0], close=7.0)
    filled.append(CODES[0], "1m", page, Spans([(0, MINUTE)]))
    expected = READERS[name](on_bucket("calm"))
    _have_others_empty_it(on_bucket("one").root.parent, monkeypatch)
    assert READERS[name](on_bucket("one")).equals(expected)


def test_no_writer_or_thaw_misses_what_another_process_removes(
    filled, on_bucket, candles, monkeypatch, tmp_path
):
    lake = on_bucket()
    lake.freeze("all")
    _have_others_empty_it(lake.root.parent, monkeypatch)
    page = candles([0], symbol=CODES[0], close=7.0)
    assert lake.append(CODES[0], "1m", page, Spans([(0, MINUTE)])).revisions
    assert lake.read(CODES[0], "1m")["close"].to_list() == [7.0, 100.0, 100.0]
    assert lake.thaw("all", tmp_path / "thawed").read(None, "1m").height == 15


def _have_others_empty_it(folder, monkeypatch) -> None:
    """Have a process without any room for copies walk after each time that files have come."""
    other, real = Room(folder), Mirror.bring

    def bring(self, wanted):
        brought = real(self, wanted)
        other._count(0, 0)
        return brought

    monkeypatch.setattr(Mirror, "bring", bring)


def test_a_copy_that_went_here_and_in_the_bucket_is_told_of(filled, on_bucket, monkeypatch):
    lake, real = on_bucket(), scan.open_file

    def lose(path):
        path.unlink(missing_ok=True)
        return real(path)

    monkeypatch.setattr(scan, "open_file", lose)
    with pytest.raises(CorruptFile, match="cannot be read"):
        lake.read(CODES[0], "1m")


def test_a_file_that_somebody_is_about_to_open_again_stays(filled, on_bucket, monkeypatch):
    monkeypatch.setenv("MARKETKIT_MIRROR", "0")
    lake, other = on_bucket(), Room(on_bucket().root.parent)  # as in another process

    def open_late(path):
        other._count(0, 0)
        return real(path)

    real = scan.open_file
    monkeypatch.setattr(scan, "open_file", open_late)
    read(lake, *CODES)
    assert not kept(lake)


def test_walks_are_seldom(bound, on_bucket, monkeypatch):
    lake, walks, real = on_bucket(), [], Room._files
    monkeypatch.setattr(Room, "_files", lambda self: (walks.append(1), real(self))[1])
    read(lake, CODES[0])
    assert len(walks) == 1  # the first to come here knows nothing
    read(lake, *CODES[:FEW])
    read(on_bucket(), *CODES[:FEW])
    assert len(walks) == 1


def test_a_count_that_a_kill_left_wrong_or_somebody_deleted_is_made_anew(bound, on_bucket):
    lake = on_bucket()
    read(lake, *CODES[:FEW])
    count = lake.root.parent / NAME
    for wrong in (b"", b"\xff" * 16, b"x"):
        count.write_bytes(wrong)
        read(lake, *CODES)
        assert sum(each.stat().st_size for each in kept(lake).values()) <= bound
    count.unlink()
    read(lake, *CODES)
    assert len(kept(lake)) == FEW


def test_a_process_that_is_killed_while_copies_come_leaves_no_lock_and_no_debt(bound, on_bucket):
    lake = on_bucket()
    read(lake, CODES[0])
    with another("with room.coming(1 << 40): print('ready', flush=True); input()", lake) as process:
        process.kill()
    assert lake.mirror.room._head().total >= 1 << 40
    read(lake, *CODES[:FEW])
    assert lake.mirror.room._head().total <= bound
    assert len(kept(lake)) == FEW


def test_copies_that_come_while_another_walks_are_counted(tmp_path, monkeypatch):
    monkeypatch.setenv("MARKETKIT_MIRROR", "1000")
    one, two = Room(tmp_path), Room(tmp_path)
    with one.coming(10), two.coming(1500):
        assert one._head().total == 1500  # `two` walked, and found nothing of `one` yet
    assert one._head().total == 1510


def test_a_room_that_cannot_be_counted_hinders_nobody(filled, on_bucket, monkeypatch):
    lake = on_bucket()
    (lake.root.parent / NAME).unlink()
    (lake.root.parent / NAME).mkdir()
    read(lake, *CODES)
    (lake.root.parent / NAME).rmdir()
    monkeypatch.setattr(rooms, "_WAIT", 0.0)
    with rooms.held(lake.root.parent / f"{NAME}.lock", 0.0):
        shutil.rmtree(lake.root)
        read(lake, *CODES)


def test_what_a_dead_process_left_half_laid_is_swept(bound, on_bucket, monkeypatch):
    lake = on_bucket()
    read(lake, *CODES[:FEW])
    half = kept(lake)[CODES[0]].with_name("1970-01.parquet.1.beef.tmp")
    half.write_bytes(b"half")
    os.utime(half, ns=(0, 0))
    read(lake, CODES[3])
    assert half.exists()
    hours = rooms.file_time(lake.root) + 7200 * 10**9
    monkeypatch.setattr(rooms, "file_time", lambda _: hours)
    read(lake, *CODES)
    assert not half.exists()


def test_rooms_of_one_folder_are_one(tmp_path):
    assert room_at(tmp_path) is room_at(tmp_path)
    assert room_at(tmp_path) is not room_at(tmp_path / "other")


def test_a_child_made_by_fork_has_a_lock_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr(Room, "_changing", threading.RLock())
    lock = Room._changing
    Room.forget_lock()
    assert Room._changing is not lock


def test_many_readers_of_a_mirror_that_others_empty_all_the_time_get_all(bound, on_bucket):
    lake = on_bucket()
    read(lake, CODES[0])
    with another("print('ready', flush=True)\nwhile True: room._shrink(0, 0)", lake) as process:
        try:
            with ThreadPoolExecutor(4) as pool:
                frames = list(pool.map(lambda _: on_bucket().read(CODES, "1m"), range(24)))
            assert process.poll() is None
        finally:
            process.kill()
    assert all(frame.equals(frames[0]) for frame in frames)
    assert frames[0].height == 15
