"""The calls that systems have differently or not at all, each with a way for Windows.

No other module has them: what a system lacks is decided in one place, and tests take it away there.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    import ctypes

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl
    import pwd
    import resource

# Seconds between attempts where another program has a file open: on Windows that stops a rename.
_PAUSES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
_FAR = 1 << 30  # locks are mandatory on Windows, so the byte lies behind all data
_LONGEST, _BELOW = 259, 180  # letters of a path of old Windows, and of those below a lake's folder
_LAZY = 19  # the lowest priority there is
_POOLS_MOST, _POOLS = -8, 2  # M_ARENA_MAX of glibc: that of the main thread, and one of all others
_FROM_SYSTEM, _LARGE = -3, 128 << 10  # M_MMAP_THRESHOLD, and the bytes with which glibc begins
# For pyarrow, and for jemalloc, which polars takes memory from: with 8 pools for two cores, and
# pieces kept by each thread, a process that filled a lake was five megabytes larger.
_SPARING = {
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "_RJEM_MALLOC_CONF": "narenas:1,tcache:false",
}
_MARK, _NETWORK = "\\\\?\\", "\\\\"  # of a path of any length, and of one on another machine


def replace(source: str | Path, target: Path) -> None:
    """Put a file in the place of another; on Windows a reader of the old one is waited for."""
    _patiently(lambda: os.replace(source, target))  # noqa: PTH105 (named as what it is)


def rename(source: Path, target: Path) -> None:
    """Give a file or folder another name; on Windows a reader in there is waited for."""
    _patiently(lambda: os.rename(source, target))  # noqa: PTH104 (as above)


def remove(path: Path) -> None:
    """Remove a file, if there is one; on Windows a reader is waited for."""
    _patiently(lambda: path.unlink(missing_ok=True))


def _patiently(work: Callable[[], None]) -> None:
    for pause in _PAUSES if sys.platform == "win32" else ():
        with suppress(PermissionError):
            return work()
        time.sleep(pause)
    return work()


def lock(fd: int) -> None:
    """Lock an open file for this process at once; `BlockingIOError` while another has the lock."""
    if sys.platform == "win32":
        os.lseek(fd, _FAR, os.SEEK_SET)
        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)  # LK_LOCK looks once a second only
        except OSError as error:
            raise BlockingIOError from error
    else:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)


def unlock(fd: int) -> None:
    """Give a lock back."""
    if sys.platform == "win32":
        os.lseek(fd, _FAR, os.SEEK_SET)
        msvcrt.locking(fd, msvcrt.LK_UNLCK, 1)
    else:
        fcntl.flock(fd, fcntl.LOCK_UN)


def read_start(fd: int, size: int) -> bytes:
    """Give the first bytes of an open file."""
    if sys.platform == "win32":
        os.lseek(fd, 0, os.SEEK_SET)
        return os.read(fd, size)
    return os.pread(fd, size, 0)


def write_start(fd: int, raw: bytes) -> None:
    """Write the first bytes of an open file."""
    if sys.platform == "win32":
        os.lseek(fd, 0, os.SEEK_SET)
        os.write(fd, raw)
    else:
        os.pwrite(fd, raw, 0)


def within_reach(path: Path) -> Path:
    """Give a folder so that files far below can be opened: Windows wants long paths marked."""
    if sys.platform == "win32":
        full = os.path.abspath(path)  # noqa: PTH100 - what follows is about its letters
        if len(full) + _BELOW > _LONGEST and not full.startswith(_MARK):
            return Path(_MARK + (f"UNC{full[1:]}" if full.startswith(_NETWORK) else full))
    return path


def point(name: Path, target: Path) -> None:
    """Have a name lead to a file or folder; a copy where that is not allowed, as on Windows."""
    try:
        name.symlink_to(target)
    except OSError:
        (shutil.copytree if target.is_dir() else shutil.copyfile)(target, name)


def user() -> tuple[int, Path | None]:
    """Give the number of this user, and the home that the system knows; 0 and None on Windows."""
    if sys.platform == "win32":
        return 0, None
    with suppress(KeyError):
        return os.getuid(), Path(pwd.getpwuid(os.getuid()).pw_dir)
    return os.getuid(), None


def allow_open(count: int) -> int | None:
    """Have this process open so many files at once; the system's limit where that is lower."""
    if sys.platform == "win32":  # it has no such limit
        return None
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or count <= soft:
        return None
    if hard != resource.RLIM_INFINITY and count > hard:
        return hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))
    return None


def runs(pid: int) -> bool:
    """Say whether a process may be running; on Windows nobody can be asked, and all may be."""
    if sys.platform == "win32":  # there, signal 0 would end the process
        return True
    with suppress(PermissionError):
        try:
            os.kill(pid, 0)
        except (ProcessLookupError, OverflowError):  # no number of a process, as well
            return False
    return True


def proc(name: str) -> str:
    """Give a text of Linux' `/proc`, or where a link there leads; an empty one elsewhere."""
    path = Path("/proc", name)
    with suppress(OSError):
        return str(path.readlink()) if path.is_symlink() else path.read_text("utf-8", "replace")
    return ""


def thread_names() -> list[str] | None:
    """Name all threads of this process, of libraries too; None where a system tells none."""
    tasks = Path("/proc/self/task")
    if not tasks.is_dir():
        return None
    return [proc(f"self/task/{each.name}/comm").strip() for each in tasks.iterdir()]


def at_fork(**calls: Callable[[], object]) -> None:
    """Have functions called around each fork, as `os.register_at_fork`; Windows knows no fork."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(**calls)


def be_lazy() -> None:
    """Have others preferred to the thread that calls; only Linux can do so for one thread."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LAZY)


def share_memory() -> None:
    """Have all threads take memory from two pools: glibc gives each its own, up to 8 for each core.

    Each pool keeps what its threads once needed, so that a process of many threads grew by a
    hundred megabytes an hour. Threads of Python hardly ever ask at the same moment. A choice that
    the user has made in MALLOC_ARENA_MAX stays; other C libraries have no such pools.
    """
    if sys.platform == "linux" and "MALLOC_ARENA_MAX" not in os.environ:
        with suppress(AttributeError):
            _library().mallopt(_POOLS_MOST, _POOLS)


def map_large() -> None:
    """Have large pieces of memory come from the system, and go back there when free.

    By itself glibc takes ever larger ones from its pools, where small pieces keep what is free from
    being returned: a process that filled a lake was ten megabytes larger after half an hour. For
    programs that are all ours: large arrays of numpy take several times as long with it. A choice
    that the user has made in MALLOC_MMAP_THRESHOLD_ stays.
    """
    if sys.platform == "linux" and "MALLOC_MMAP_THRESHOLD_" not in os.environ:
        with suppress(AttributeError):
            _library().mallopt(_FROM_SYSTEM, _LARGE)


def spare_memory() -> None:
    """Have polars and pyarrow keep little memory of their own; call before either is loaded.

    For programs that are all ours, as above. What the user has chosen in the same variables stays.
    """
    if sys.platform == "linux":
        for name, choice in _SPARING.items():
            os.environ.setdefault(name, choice)


def give_back() -> None:
    """Have glibc return the memory that it keeps free inside its pools; others keep hardly any."""
    if sys.platform == "linux":
        with suppress(AttributeError):
            _library().malloc_trim(0)


def mapped(fd: int) -> memoryview:
    """Map a whole file to be read; the view needs no descriptor, and the map goes with it.

    Python's own map keeps a descriptor up to 3.12, of which a process may have few. Raises
    `ValueError` for an empty file.
    """
    import ctypes  # noqa: PLC0415 - `--help` needs none
    import mmap  # noqa: PLC0415 - as above

    if sys.platform == "win32":  # a map has no descriptor there
        return memoryview(mmap.mmap(fd, 0, access=mmap.ACCESS_READ))
    size = os.fstat(fd).st_size
    if not size:
        raise ValueError("cannot map an empty file")
    library = _library()
    address = library.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, fd, 0)
    if address == ctypes.c_void_p(-1).value:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    memory = _any_bytes().from_address(address)
    # At the exit others may still read: the system takes the map with the process.
    weakref.finalize(memory, library.munmap, address, size).atexit = False
    return memoryview(memory).cast("B").toreadonly()[:size]


@cache  # one for all: a new type is a cycle of kilobytes, which lies there until a collector comes
def _any_bytes() -> type[ctypes.Array[ctypes.c_ubyte]]:
    """Give the type of an array of bytes that is longer than any map."""
    import ctypes  # noqa: PLC0415 - as above

    return ctypes.c_ubyte * sys.maxsize


@cache
def _library() -> ctypes.CDLL:
    """Give the functions of the system's C library of which Python has only a part."""
    import ctypes  # noqa: PLC0415 - as above

    library = ctypes.CDLL(None, use_errno=True)
    pointer, size, number = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
    library.mmap.argtypes = [pointer, size, number, number, number, ctypes.c_long]
    library.mmap.restype = pointer
    library.munmap.argtypes = [pointer, size]
    return library


def is_far(folder: Path) -> bool:
    """Say whether a path is that of another machine, as Windows spells it; elsewhere none is."""
    return sys.platform == "win32" and str(folder).startswith(_NETWORK)


@contextmanager
def on_ending(action: Callable[[], object]) -> Iterator[None]:
    """Call `action` meanwhile at each SIGTERM, and on Windows at Ctrl-Break, too.

    Outside the main thread nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked = [getattr(signal, name, None) for name in ("SIGTERM", "SIGBREAK")]
    before = {each: signal.signal(each, lambda *_: action()) for each in asked if each is not None}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def interrupt_main_alone() -> bool:
    """Have Ctrl-C interrupt the main thread alone, and say whether that could be done.

    When polars is imported it takes the signal to stop a long query, and until all queries of the
    moment are over each of its calls raises `KeyboardInterrupt`, in every thread. Python's own
    handler, put in place anew, knows the main thread only. Call from there, after that import.
    """
    try:
        signal.signal(signal.SIGINT, signal.getsignal(signal.SIGINT))
    except (TypeError, ValueError):  # a handler not of Python, or another thread than the main one
        return False
    return True


def interrupt() -> None:
    """End a program as Ctrl-C does, so that everything held is written and closed."""
    raise KeyboardInterrupt


def hung_up(stream: TextIO) -> bool:
    """Say whether the reader of a pipe has left; on Windows a write will tell."""
    if not hasattr(select, "poll"):
        return False
    look = select.poll()
    try:
        look.register(stream, 0)  # what is asked for is what always is told: errors
    except (OSError, ValueError):  # no file, or closed
        return False
    return any(events & select.POLLERR for _, events in look.poll(0))
