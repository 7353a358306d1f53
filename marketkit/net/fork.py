"""Children made by `fork`, which have the locks of their parent's threads but not the threads.

A thread pool of polars does not live through a fork: the first sort in the child waits for ever.
So a child of a process whose threads had begun refuses every call, and one forked before works.
"""

from __future__ import annotations

import os

from marketkit.disk.system import at_fork, thread_names
from marketkit.errors import EngineClosed

_POOL = "polars-"  # how polars names the threads of its pool, and a number follows


class _Process:
    """The state of this process, as a fork finds the threads."""

    def __init__(self) -> None:
        self.used = False  # whether a call was made
        self.serves = False  # whether the engine's thread was started
        self.broken = False  # whether threads of the parent are missing here
        self._breaks = False

    def before(self) -> None:
        """Look at the threads that a child will lack."""
        names = thread_names()
        pool = self.used if names is None else _has_pool(names)
        self._breaks = self.broken or self.serves or pool

    def after(self) -> None:
        """Begin as the child."""
        self.broken, self.used, self.serves = self._breaks, False, False


_PROCESS = _Process()

at_fork(before=_PROCESS.before, after_in_child=_PROCESS.after)


def stranded() -> bool:
    """Say whether this is a child made by `fork` in which nothing can go on."""
    return _PROCESS.broken


def check() -> None:
    """Raise `EngineClosed`, at once, in a child made by `fork` where a call would hang."""
    if _PROCESS.broken:
        raise EngineClosed(
            f"process {os.getpid()} was made by fork from one whose threads had begun, so polars"
            " and marketkit would hang here;\nstart processes with"
            " multiprocessing.get_context('spawn'), or fork before the first call"
        )
    _PROCESS.used = True


def serving() -> None:
    """Remember that the engine's thread runs in this process."""
    _PROCESS.serves = True


def _has_pool(names: list[str]) -> bool:
    """Whether polars has started the threads of its pool."""
    return any(name.startswith(_POOL) and name[len(_POOL) :].isdigit() for name in names)
