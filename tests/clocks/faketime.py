"""What libfaketime needs around it so that a run under a shifted clock tests us and not the tool."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

FOLDER = Path(__file__).parent
_ROOTS = ("/usr/lib", "/usr/lib64", "/usr/local/lib", "/opt/homebrew/lib")
_NEEDED = {
    # Where the monotonic clock is faked, a wait with a timeout never ends: glibc's sem_clockwait
    # asks the kernel, by its own clock.
    "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    # Debian's default takes each wait of a thread for Python's lock for over: threads that share it
    # spin, and a test takes forty times as long.
    "FAKETIME_FORCE_MONOTONIC_FIX": "0",
}


def library() -> Path | None:
    """Give libfaketime for programs with threads, as Debian and others place it; None without."""
    found = (Path(root).glob("**/faketime/libfaketimeMT.so.1") for root in _ROOTS)
    return next((each for several in found for each in several), None)


def around(environment: Mapping[str, str]) -> dict[str, str]:
    """Give an environment in which a preloaded libfaketime shifts the time of day and no more."""
    paths = [str(FOLDER), *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))]
    return {**environment, **_NEEDED, "PYTHONPATH": os.pathsep.join(paths)}


def is_wanting() -> bool:
    """Say whether this process runs under libfaketime without what it needs."""
    return (
        "faketime" in os.environ.get("LD_PRELOAD", "") and not os.environ.keys() >= _NEEDED.keys()
    )


def start_again() -> None:
    """Put this process in the place of itself, with what is needed around it."""
    os.execve(sys.executable, sys.orig_argv, around(os.environ))  # noqa: S606 - no shell: as it was
