"""The shared state of one rate group as a process holds one: in a file or, failing that, alone."""

from __future__ import annotations

import contextlib
import logging
import os
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from marketkit.clock import Clock, boot_id
from marketkit.errors import warn
from marketkit.exchange.dialect import RateLimit
from marketkit.net.budget.file import BudgetFile, BudgetStore, MemoryBudget
from marketkit.net.budget.state import INF, State

T = TypeVar("T")

_UNNAMED = RateLimit(10, 1.0)  # the limit of files without one in their name, from the beginning

LOCK_STUCK = 5.0  # seconds at which who holds a file must have been stopped: it takes 100 us
LOOK_AGAIN = 1.0  # seconds between two looks that found a lock and are not of one wait
_log = logging.getLogger("marketkit.net")
_TOLD: set[Path] = set()  # folders that were said not to be had


def path_of(directory: Path, name: str, limit: RateLimit) -> Path:
    """Name the file of a group; different limits mean different sizes, and so names."""
    suffix = "" if limit == _UNNAMED else f"-{limit.requests}per{limit.seconds:g}s"
    return directory / f"{name}{suffix}-{boot_id()}.bin"


class SharedState:
    """The state of a group in the file at `path`, opened on first use, and changes that wait."""

    _store: BudgetStore | None

    def __init__(self, path: Path, limit: RateLimit, clock: Clock) -> None:
        self.path = path
        self._limit = limit
        self._clock = clock
        self._changes: deque[Callable[[State], None]] = deque()
        self._store = None
        self._locked_first = self._locked_last = -INF

    @property
    def is_open(self) -> bool:
        """Whether the file, or the memory in place of a file, is open."""
        return self._store is not None

    @property
    def is_new(self) -> bool:
        """Whether the past is unknown so far: no file is there, and none was opened."""
        return not self.is_open and not os.path.lexists(self.path)

    @property
    def is_behind(self) -> bool:
        """Whether there are changes that have not been applied."""
        return bool(self._changes)

    def put_off(self, change: Callable[[State], None]) -> None:
        """Have `change` applied before the next update."""
        self._changes.append(change)

    def flush(self) -> None:
        """Apply the changes that wait, unless another process holds the file."""
        with contextlib.suppress(BlockingIOError):  # the next update applies what is left
            self.update(lambda _state, _now: None)

    def update(self, change: Callable[[State, float], T]) -> T:
        """Apply the changes that wait, then `change`; `BlockingIOError` while another process does.

        Where no file can be had the process paces itself alone, at half, and says so once.
        """

        def all_changes(state: State, now: float) -> T:
            while self._changes:
                self._changes.popleft()(state)
            return change(state, now)

        try:
            if self._store is None:
                self._store = BudgetFile(self.path, self._limit, self._clock)
            result = self._store.update(all_changes)
        except BlockingIOError:
            self._locked()
            raise
        except OSError as error:
            self._store = MemoryBudget(self._limit, self._clock)
            _say_alone(self.path.parent, error)
            return self._store.update(all_changes)
        self._locked_last = -INF
        return result

    def _locked(self) -> None:
        """Leave a file behind that is locked at every look: the holder was stopped, or never ends.

        Safe, as nobody took a turn meanwhile, and a new file begins with a silent period.
        """
        now = self._clock()
        if now - self._locked_last > LOOK_AGAIN:
            self._locked_first = now
        self._locked_last = now
        if now - self._locked_first > LOCK_STUCK and self._store is not None:
            _log.warning("another process has held %s for %g s; begun anew", self.path, LOCK_STUCK)
            self._locked_first = now
            self._store.abandon()

    def close(self) -> None:
        """Close the file; a later update opens a new one."""
        if self._store is not None:
            self._store.close()
            self._store = None


def _say_alone(folder: Path, error: OSError) -> None:
    """Warn once a process of a folder with unshared budgets: a file for each group."""
    if folder in _TOLD:
        return
    _TOLD.add(folder)
    warn(
        f"no request budget can be shared in {folder} ({error.strerror or error}): this process "
        "paces itself alone, at half of the limit;\n"
        "make the folder writable for all, or name another in MARKETKIT_BUDGET_DIR"
    )
