"""Where the shared state lives: a small locked file, or memory where no file can be had."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

from marketkit.clock import Clock
from marketkit.disk import TEMPORARY, file_time, link, make_folder, sync_folder
from marketkit.disk.system import lock, read_start, rename, unlock, write_start
from marketkit.exchange.dialect import RateLimit
from marketkit.net.budget import state as states
from marketkit.net.budget.ban import LONGEST
from marketkit.net.budget.pacing import GUARD
from marketkit.net.budget.state import INF, State

T = TypeVar("T")
StateChange = Callable[[State, float], T]

_STRANGE = 60.0  # a lane that is busy for longer than this was written by another clock
_FOR_ALL = 0o666  # whatever the umask: users of one machine share its address, and no secret
_LARGEST = 1 << 20  # bytes; a state of the widest window we know has ten thousand
# No link is followed, and nothing that waits for a writer is waited for.
_PLAIN = sum(getattr(os, name, 0) for name in ("O_BINARY", "O_CLOEXEC", "O_NOFOLLOW", "O_NONBLOCK"))
_FORGOTTEN = 86_400_000_000_000  # ns: a day, and a budget is worth a second of history


class BudgetStore(Protocol):
    """One state, changed by one at a time."""

    def update(self, change: StateChange[T]) -> T:
        """Apply `change(state, now)` and keep the state; `BlockingIOError` while another does."""

    def abandon(self) -> None:
        """Have all sharers of the state begin anew, without a holder for ever."""

    def close(self) -> None:
        """Close the file."""


class BudgetFile:
    """The state of a group in a file that every process of the machine finds.

    Written in place with pread and pwrite: a mapped file that is truncated would kill the process.
    A file that is new, cut, damaged or written by another clock means an unknown past, and the
    whole machine stays silent for one period.
    """

    def __init__(self, path: Path, limit: RateLimit, clock: Clock) -> None:
        self.path = path
        self._limit = limit
        self._clock = clock
        self._size = states.size(limit.requests)
        self._written: tuple[bytes, State] | None = None  # by this process, and what it stands for
        self._fd = self._open()

    def update(self, change: StateChange[T]) -> T:
        """Lock, read, change, write, unlock: 100 microseconds. See `BudgetStore.update`."""
        if not os.fstat(self._fd).st_nlink:  # somebody removed the file: join the new one
            self.close()
            self._fd = self._open()
        lock(self._fd)
        try:
            now = self._clock()
            state = self._read(now)
            self._written = None  # a change that ends in the middle leaves nothing to go by
            result = change(state, now)
            raw = states.to_bytes(state)
            write_start(self._fd, raw)
            self._written = raw, state
            return result
        finally:
            unlock(self._fd)

    def abandon(self) -> None:
        """Take the file out of the folder; other sharers find that and join a new one."""
        with contextlib.suppress(OSError):  # somebody else did, or Windows keeps what is open
            now = self.path.lstat()
            if os.path.samestat(now, os.fstat(self._fd)):
                self.path.unlink()

    def close(self) -> None:
        """Close the file; a lock of the process that made a fork is not touched."""
        os.close(self._fd)

    def _open(self) -> int:
        try:
            return _opened(self.path)
        except FileNotFoundError:
            _make_folder(self.path.parent)
            _sweep(self.path.parent)
            _make(self.path)
            return _opened(self.path)

    def _read(self, now: float) -> State:
        raw = read_start(self._fd, self._size)
        if self._written is not None and raw == self._written[0]:  # as a rule nobody else did
            state: State | None = self._written[1]
        else:
            state = states.from_bytes(raw, self._limit.requests)
        if state is None:
            os.ftruncate(self._fd, 0)  # so that nothing is left behind the new state
        if state is None or not _plausible(state, now + self._limit.seconds):
            return _unknown(self._limit, now)
        return state


class MemoryBudget:
    """The state of a process that has to pace itself alone, at half: others may do the same."""

    def __init__(self, limit: RateLimit, clock: Clock) -> None:
        self._clock = clock
        self._others = float(limit.requests - limit.requests // 2)
        self._state = _unknown(limit, clock())

    def update(self, change: StateChange[T]) -> T:
        """See `BudgetStore.update`."""
        state, now = self._state, self._clock()
        # Just changed, it is not made smaller by `foreign_traffic.relax`.
        state.reserve, state.reserve_changed = max(state.reserve, self._others), now
        return change(state, now)

    def abandon(self) -> None:
        """Do nothing: nobody shares this."""

    def close(self) -> None:
        """Do nothing."""


def _unknown(limit: RateLimit, now: float) -> State:
    return states.fresh(limit.requests, now, silent_until=now + limit.seconds + GUARD)


def _plausible(state: State, latest: float) -> bool:
    """Say whether the times can be of this machine's clock."""
    is_held = state.hold_until <= latest + LONGEST + _STRANGE
    return (
        state.last_sent <= latest
        and is_held
        and all(lane.until <= latest + _STRANGE or lane.until == INF for lane in state.lanes)
    )


def _opened(path: Path) -> int:
    """Open a file of the budgets, and nothing else in the same place."""
    fd = os.open(path, os.O_RDWR | _PLAIN)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(f"{path} is no file")
    return fd


def _make(path: Path) -> None:
    """Make an empty file for every user of the machine, at no moment for one alone."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}{TEMPORARY}")
    try:
        with draft.open("xb"):
            draft.chmod(_FOR_ALL)
        with contextlib.suppress(FileExistsError):  # somebody else was faster
            link(str(draft), str(path))
    finally:
        draft.unlink(missing_ok=True)


def _make_folder(folder: Path) -> None:
    """Make a folder, like `_make` a file; an existing one stays unchanged."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    draft = folder.with_name(f"{folder.name}.{secrets.token_hex(8)}{TEMPORARY}")
    draft.mkdir()
    try:
        draft.chmod(_FOR_ALL | 0o111)
        rename(draft, folder)
        sync_folder(folder.parent)  # for the bans in there
    except OSError:  # somebody else was faster
        draft.rmdir()
        if not folder.is_dir():
            raise


def _sweep(directory: Path) -> None:
    """Remove budgets that nobody has used for a day: other boots, other endpoints."""
    now = file_time(directory)
    for path in directory.glob("*.bin"):
        with contextlib.suppress(OSError):  # somebody else was faster
            status = path.lstat()
            if now - status.st_mtime_ns > _FORGOTTEN and _is_ours(path, status):
                path.unlink()


def _is_ours(path: Path, status: os.stat_result) -> bool:
    """Say whether a file, and no link to one, has a whole state, of any limit."""
    if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST:
        return False
    fd = os.open(path, os.O_RDONLY | _PLAIN)
    try:
        return states.is_state(read_start(fd, _LARGEST))
    finally:
        os.close(fd)
