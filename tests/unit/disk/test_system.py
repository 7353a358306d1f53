"""What systems do differently, done on this one, and taken away as Windows lacks it."""

from __future__ import annotations

import io
import os
import platform
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

import marketkit
from marketkit.disk import link, sync_folder, system, write_atomic
from marketkit.disk.system import (
    allow_open,
    at_fork,
    hung_up,
    interrupt,
    lock,
    on_ending,
    point,
    proc,
    read_start,
    remove,
    rename,
    replace,
    runs,
    thread_names,
    unlock,
    user,
    within_reach,
    write_start,
)
from tests.opened import count_open

HERE_ALONE = pytest.mark.skipif(sys.platform == "win32", reason="of other systems")


class Locking:
    """The locks of Windows' C library: each byte of a file is one process's."""

    LK_NBLCK, LK_UNLCK = 2, 0

    def __init__(self) -> None:
        self.held: set[int] = set()

    def locking(self, fd: int, mode: int, _count: int) -> None:
        """Take or give back bytes from where the file stands."""
        at = os.lseek(fd, 0, os.SEEK_CUR)
        if mode == self.LK_UNLCK:
            self.held.remove(at)
        elif at in self.held:
            raise OSError(13, "Permission denied")
        else:
            self.held.add(at)


@pytest.fixture
def windows(monkeypatch):
    """Windows, as far as its calls are concerned; the fixture is its locks."""
    locks = Locking()
    monkeypatch.setattr(system, "sys", SimpleNamespace(platform="win32"))
    monkeypatch.setattr(system, "msvcrt", locks, raising=False)
    monkeypatch.setattr(system, "time", SimpleNamespace(sleep=lambda _: None))
    for name in ("fcntl", "pwd", "resource"):
        monkeypatch.delattr(system, name, raising=False)
    lacking = {"getuid", "pread", "pwrite", "register_at_fork"}
    there = {name: each for name, each in vars(os).items() if name not in lacking}
    monkeypatch.setattr(system, "os", SimpleNamespace(**there))
    return locks


def failing(times: int, error: Exception, work=lambda *_: None):
    """Give a call that fails so many times, and how often it was made."""
    made = []

    def call(*words):
        made.append(words)
        if len(made) <= times:
            raise error
        return work(*words)

    return call, made


DENIED = PermissionError(13, "Access is denied")


@pytest.mark.parametrize(("name", "work"), [("replace", replace), ("rename", rename)])
def test_a_file_that_somebody_reads_gets_its_place_when_the_reader_has_ended(
    windows, monkeypatch, tmp_path, name, work
):
    (tmp_path / "new").write_text("new")
    call, made = failing(3, DENIED, getattr(os, name))
    monkeypatch.setattr(system.os, name, call)
    work(tmp_path / "new", tmp_path / "old")
    assert (tmp_path / "old").read_text() == "new"
    assert len(made) == 4


def test_a_file_that_is_read_for_ever_stays_and_the_failure_is_the_systems(
    windows, monkeypatch, tmp_path
):
    (tmp_path / "old").write_text("old")
    call, made = failing(99, DENIED)
    monkeypatch.setattr(system.os, "replace", call)
    with pytest.raises(PermissionError):
        write_atomic(tmp_path / "old", lambda file: file.write(b"new"))
    assert (tmp_path / "old").read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["old"]
    assert len(made) == len(system._PAUSES) + 1


def test_elsewhere_a_refusal_is_told_at_once(monkeypatch, tmp_path):
    monkeypatch.setattr(system, "sys", SimpleNamespace(platform="linux"))
    call, made = failing(99, DENIED)
    monkeypatch.setattr(system, "os", SimpleNamespace(replace=call))
    with pytest.raises(PermissionError):
        replace(tmp_path / "a", tmp_path / "b")
    assert len(made) == 1


def test_a_file_that_somebody_reads_is_removed_when_the_reader_has_ended(windows, monkeypatch):
    call, made = failing(2, DENIED)
    remove(SimpleNamespace(unlink=lambda **_: call()))
    assert len(made) == 3


def test_a_removed_file_may_be_removed_again(tmp_path):
    (tmp_path / "file").touch()
    remove(tmp_path / "file")
    remove(tmp_path / "file")
    assert not list(tmp_path.iterdir())


def test_without_second_names_a_file_is_copied(monkeypatch, tmp_path):
    def refused(*_):
        raise OSError(1, "Incorrect function")

    monkeypatch.setattr(os, "link", refused)
    (tmp_path / "one").write_text("one")
    link(str(tmp_path / "one"), str(tmp_path / "two"))
    (tmp_path / "one").write_text("other")
    assert (tmp_path / "two").read_text() == "one"


@pytest.fixture
def opened(tmp_path):
    descriptors = [os.open(tmp_path / "state", os.O_RDWR | os.O_CREAT) for _ in range(2)]
    yield descriptors
    for each in descriptors:
        os.close(each)


@pytest.mark.parametrize("on", ["windows", None])
def test_a_lock_is_one_process_s_until_it_is_given_back(opened, request, on):
    if on is not None:
        request.getfixturevalue(on)
    one, other = opened
    lock(one)
    with pytest.raises(BlockingIOError):
        lock(other)
    unlock(one)
    lock(other)
    unlock(other)


@pytest.mark.parametrize("on", ["windows", None])
def test_the_start_of_a_file_is_read_and_written_wherever_it_stands(opened, request, on):
    if on is not None:
        request.getfixturevalue(on)
    one, other = opened
    write_start(one, b"first bytes")
    write_start(one, b"other")
    assert read_start(other, 8) == b"other by"
    assert read_start(other, 100) == b"other bytes"


def test_a_lock_of_windows_is_beside_the_data(opened, windows):
    lock(opened[0])
    assert min(windows.held) > 1 << 20


LONG = "D:\\" + "candles\\" * 20 + "lake"


@pytest.mark.parametrize(
    ("path", "reached"),
    [
        ("D:\\lake", "D:\\lake"),
        (LONG, "\\\\?\\" + LONG),
        ("\\\\?\\" + LONG, "\\\\?\\" + LONG),
        ("\\\\nas\\" + LONG[3:], "\\\\?\\UNC\\nas\\" + LONG[3:]),
    ],
)
def test_a_long_path_of_windows_is_marked(windows, monkeypatch, path, reached):
    monkeypatch.setattr(system.os, "path", SimpleNamespace(abspath=str))
    assert str(within_reach(Path(path))) == reached


def test_elsewhere_a_path_is_as_long_as_it_is():
    assert within_reach(Path("/" + "a/" * 400)) == Path("/" + "a/" * 400)


def test_a_name_leads_to_a_folder_or_is_a_copy_where_links_are_not_allowed(monkeypatch, tmp_path):
    (tmp_path / "table").mkdir()
    (tmp_path / "table" / "log").write_text("said")
    point(tmp_path / "link", tmp_path / "table")

    def refused(*_):
        raise OSError(1314, "A required privilege is not held by the client")

    monkeypatch.setattr(Path, "symlink_to", refused)
    point(tmp_path / "copy", tmp_path / "table")
    point(tmp_path / "file", tmp_path / "table" / "log")
    assert (tmp_path / "link" / "log").read_text() == (tmp_path / "copy" / "log").read_text()
    assert not (tmp_path / "copy").is_symlink()
    assert (tmp_path / "file").read_text() == "said"


def test_windows_knows_no_number_of_a_user_and_no_limit_of_files(windows):
    assert user() == (0, None)
    assert allow_open(10**9) is None


@HERE_ALONE
def test_a_limit_of_files_is_raised_as_far_as_is_allowed(monkeypatch):
    import resource

    limits, asked = [(100, 1_000)], []
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits[0])
    monkeypatch.setattr(resource, "setrlimit", lambda _, pair: asked.append(pair))
    assert [allow_open(count) for count in (50, 500, 5_000)] == [None, None, 1_000]
    limits[0] = (100, resource.RLIM_INFINITY)
    assert allow_open(5_000) is None
    limits[0] = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    assert allow_open(9_000) is None
    assert asked == [(500, 1_000), (5_000, resource.RLIM_INFINITY)]


@HERE_ALONE
def test_a_user_whom_the_system_does_not_know_has_no_home(monkeypatch):
    import pwd

    number, home = user()
    assert (number, home is None or home.is_absolute()) == (os.getuid(), True)

    def unknown(_):
        raise KeyError

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    assert user() == (os.getuid(), None)


@HERE_ALONE
def test_a_process_runs_or_does_not():
    assert runs(os.getpid())
    assert not runs(2**22 + 1)
    assert not runs(10**20)


def test_on_windows_a_process_may_run_for_to_ask_would_end_it(windows, monkeypatch):
    monkeypatch.setattr(system.os, "kill", lambda *_: pytest.fail("it was ended"), raising=False)
    assert runs(1)


def test_what_linux_tells_is_empty_elsewhere(monkeypatch):
    assert proc("nothing/of/that/name") == ""
    if sys.platform == "linux":
        assert len(proc("sys/kernel/random/boot_id").strip()) == 36
        assert proc("self/ns/pid").startswith("pid:[")
        assert thread_names()
    monkeypatch.setattr(system, "Path", lambda *_: Path("nowhere"))
    assert thread_names() is None
    assert proc("sys/kernel/random/boot_id") == ""


def test_without_forks_nothing_is_to_be_done_at_one(windows):
    at_fork(after_in_child=lambda: pytest.fail("there is none"))


def test_a_folder_of_windows_needs_no_syncing(monkeypatch, tmp_path):
    monkeypatch.setattr("marketkit.disk.sys", SimpleNamespace(platform="win32"))
    sync_folder(tmp_path / "that cannot be opened")


def test_ctrl_break_ends_a_program_of_windows_like_sigterm(monkeypatch):
    named = {name: getattr(signal, name) for name in ("SIGTERM", "signal")}
    spare = signal.SIGINT  # in the place of a signal that only Windows has
    monkeypatch.setattr(system, "signal", SimpleNamespace(**named, SIGBREAK=spare))
    before, seen = signal.getsignal(spare), []
    with on_ending(lambda: seen.append("asked")):
        signal.raise_signal(spare)
    assert seen == ["asked"]
    assert signal.getsignal(spare) is before


@pytest.mark.skipif(os.name == "nt", reason="there is no such signal")
def test_sigterm_does_the_action_and_afterwards_what_it_did_before():
    before = signal.getsignal(signal.SIGTERM)
    seen = []
    with on_ending(lambda: seen.append("asked")):
        signal.raise_signal(signal.SIGTERM)
    assert seen == ["asked"]
    with pytest.raises(KeyboardInterrupt), on_ending(interrupt):
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is before


def test_outside_the_main_thread_signals_stay_as_they_are():
    before = signal.getsignal(signal.SIGTERM)
    seen = []

    def there() -> None:
        with on_ending(interrupt):
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=there)
    thread.start()
    thread.join()
    assert seen == [before]


@pytest.mark.skipif(os.name == "nt", reason="nothing tells that there")
def test_a_pipe_whose_reader_has_left_is_seen_before_anything_is_written():
    reads, writes = os.pipe()
    with os.fdopen(writes, "w", encoding="utf-8") as stream:
        assert not hung_up(stream)
        os.close(reads)
        assert hung_up(stream)
    assert not hung_up(stream)  # closed, which is for those to say who write
    assert not hung_up(io.StringIO())
    with Path(os.devnull).open("w", encoding="utf-8") as nothing:
        assert not hung_up(nothing)


def test_where_nothing_tells_of_a_pipe_its_reader_is_taken_for_there(monkeypatch):
    monkeypatch.setattr(system, "select", SimpleNamespace())
    assert not hung_up(io.StringIO())


def test_a_thread_that_cannot_be_lazy_works_all_the_same(monkeypatch):
    def refused(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(system.os, "setpriority", refused, raising=False)
    threading.Thread(target=system.be_lazy).start()
    system.be_lazy()
    monkeypatch.setattr(system.sys, "platform", "win32")
    system.be_lazy()


POOLS = """
import ctypes, sys, threading
from marketkit.disk import system
if sys.argv[1] == "shared":
    system.share_memory()
held, ready = [], threading.Barrier(9)
def take():
    held.append(bytes(100_000))
    ready.wait(120)
threads = [threading.Thread(target=take) for _ in range(8)]
[each.start() for each in threads]
ready.wait(120)
[each.join() for each in threads]
library = ctypes.CDLL(None)
library.fopen.restype = ctypes.c_void_p
file = library.fopen(sys.argv[2].encode(), b"w")
library.malloc_info(0, ctypes.c_void_p(file))
library.fclose(ctypes.c_void_p(file))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has a pool a thread")
@pytest.mark.parametrize(
    ("how", "told", "pools"), [("shared", None, 2), ("shared", "6", 6), ("not", None, 9)]
)
def test_threads_share_two_pools_of_memory_unless_the_user_says_how_many(
    tmp_path, how, told, pools
):
    environment = {name: value for name, value in os.environ.items() if "ARENA" not in name}
    environment |= {} if told is None else {"MALLOC_ARENA_MAX": told}
    seen = tmp_path / "pools.xml"
    subprocess.run([sys.executable, "-c", POOLS, how, str(seen)], env=environment, check=True)
    assert seen.read_text().count("<heap nr=") == pools


def test_a_system_without_pools_is_left_alone(monkeypatch):
    monkeypatch.setattr(system, "_library", SimpleNamespace)
    monkeypatch.setattr(system.sys, "platform", "linux")
    monkeypatch.delenv("MALLOC_ARENA_MAX", raising=False)
    monkeypatch.delenv("MALLOC_MMAP_THRESHOLD_", raising=False)
    for _ in range(2):
        system.share_memory()
        system.map_large()
        system.give_back()
        monkeypatch.setattr(system.sys, "platform", "win32")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps it until asked")
def test_memory_that_is_free_between_used_pieces_is_given_back():
    code = """
import re
from marketkit.disk import system
def kept():
    return int(re.search(r"Private_Dirty: +([0-9]+)", open("/proc/self/smaps_rollup").read())[1])
pieces = [bytes(100_000) for _ in range(400)]
del pieces[:-1]  # the last keeps the pool as long as it is
before = kept()
system.give_back()
print(before - kept())
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert int(done.stdout) > 20_000


LARGE = """
import re, sys
from marketkit.disk import system
def kept():
    return int(re.search(r"Private_Dirty: +([0-9]+)", open("/proc/self/smaps_rollup").read())[1])
if sys.argv[1] == "mapped":
    system.map_large()
bytearray(b"1") * 9_000_000  # such come from the pool from then on
before = kept()
pieces = [bytearray(b"1") * (1_000_000 if turn % 2 else 100_000) for turn in range(80)]
del pieces[1::2]  # the small ones keep what is between them
print(kept() - before)
"""


WHEN_LOADED = """
import os, sys
class Watch:
    def find_spec(self, name, *_):
        if name in ("polars", "pyarrow"):
            print(name, os.environ.get("_RJEM_MALLOC_CONF"))
sys.meta_path.insert(0, Watch())
from marketkit.cli.main import main
main(["lake", "ls", "--lake", "/nonexistent"])
import pyarrow as pa
print(pa.default_memory_pool().backend_name)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems are left alone")
@pytest.mark.parametrize(
    ("told", "seen"),
    [
        ({}, ("narenas:1,tcache:false", "system")),
        ({"_RJEM_MALLOC_CONF": "", "ARROW_DEFAULT_MEMORY_POOL": "mimalloc"}, ("", "mimalloc")),
    ],
)
def test_commands_tell_libraries_to_keep_little_before_they_are_loaded(told, seen):
    names = ("_RJEM_MALLOC_CONF", "ARROW_DEFAULT_MEMORY_POOL")
    environment = {name: each for name, each in os.environ.items() if name not in names} | told
    command = [sys.executable, "-c", WHEN_LOADED]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    lines = done.stdout.splitlines()
    assert f"polars {seen[0]}" in lines
    assert lines[-1] == seen[1]


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc learns to keep it")
@pytest.mark.parametrize(
    ("how", "told", "least", "most"),
    [
        ("mapped", None, 0, 10_000),
        ("mapped", "33554432", 30_000, 60_000),
        ("not", None, 30_000, 60_000),
    ],
)
def test_large_memory_goes_back_when_it_is_free_unless_the_user_says_otherwise(
    how, told, least, most
):
    environment = {name: value for name, value in os.environ.items() if "MALLOC" not in name}
    environment |= {} if told is None else {"MALLOC_MMAP_THRESHOLD_": told}
    command = [sys.executable, "-c", LARGE, how]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    assert least <= int(done.stdout) <= most


def test_a_path_of_another_machine_is_told_on_windows_alone(monkeypatch):
    share = Path("\\\\server\\share")
    assert not system.is_far(share)
    monkeypatch.setattr(system.sys, "platform", "win32")
    assert system.is_far(share)
    assert not system.is_far(Path("C:/cache"))


# Names of calls that Windows lacks or does otherwise, and the modules that are free to have one.
ELSEWHERE = {
    "sys.platform": {"clock.py", "settings.py", "net/wire.py", "disk/__init__.py"},
    "os.fsync": {"recording/journal.py", "data/lake/store/revisions.py", "data/lake/trades/log.py"},
}
CALLS = (
    *("fcntl", "resource.", "pwd.", "msvcrt", "signal.signal", "select.", "sys.platform"),
    *("os.name", "os.fork", "os.kill", "os.getuid", "os.geteuid", "os.pread", "os.pwrite"),
    *("os.replace(", "os.rename(", "os.register_at_fork", "os.fsync", '"/proc'),
    *("symlink_to", "os.symlink", "os.statvfs", "os.mkfifo", "os.setsid", "start_new_session"),
)


@pytest.mark.parametrize("call", CALLS)
def test_no_other_module_calls_what_systems_do_differently(call):
    root = Path(marketkit.__file__).parent
    free = {"disk/system.py", "disk/__init__.py", *ELSEWHERE.get(call, ())}
    found = {
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        if any(call in line.partition("#")[0] for line in path.read_text("utf-8").splitlines())
    }
    assert found <= free


@pytest.mark.parametrize("platform", [sys.platform, "win32"])
def test_a_map_outlives_the_name_of_the_file_and_is_not_written_into(
    tmp_path, monkeypatch, platform
):
    monkeypatch.setattr(sys, "platform", platform)
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 100)
    with path.open("rb") as file:
        view = system.mapped(file.fileno())
    path.unlink()
    assert view.readonly
    assert bytes(view) == bytes(range(256)) * 100
    with pytest.raises(TypeError):
        view[0] = 1


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="maps are read from /proc")
def test_a_map_costs_no_descriptor_and_goes_with_the_last_view(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"candles" * 1000)

    def maps():
        return Path("/proc/self/maps").read_text("utf-8").count(str(path))

    with path.open("rb") as file:
        views = [system.mapped(file.fileno()) for _ in range(50)]
        assert count_open([path]) == 1
    assert maps() == 50
    part = views[0][7:14]
    del views
    assert maps() == 1
    assert bytes(part) == b"candles"
    del part
    assert maps() == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Python's own map is used there")
def test_maps_of_about_a_size_share_a_type_and_have_their_own_bytes(tmp_path):
    views = []
    for size in (5_000, 5_001, 8_192):
        path = tmp_path / str(size)
        path.write_bytes(bytes(size - 1) + b"x")
        with path.open("rb") as file:
            views.append(system.mapped(file.fileno()))
    assert [(view.nbytes, view[-1]) for view in views] == [
        (5_000, ord("x")),
        (5_001, ord("x")),
        (8_192, ord("x")),
    ]
    assert len({type(view.obj) for view in views}) == 1  # a type of its own would be a cycle


@pytest.mark.parametrize("platform", [sys.platform, "win32"])
def test_an_empty_file_cannot_be_mapped(tmp_path, monkeypatch, platform):
    monkeypatch.setattr(sys, "platform", platform)
    with (tmp_path / "file").open("x+b") as file, pytest.raises(ValueError, match="empty"):
        system.mapped(file.fileno())
