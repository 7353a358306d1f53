"""A clock for ages, which never steps and goes on while the machine sleeps."""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Callable
from functools import partial

from marketkit.disk.system import proc

# Python's own `monotonic` stops with the machine on Linux and macOS; what was fresh before a
# night's sleep would be fresh after it.
_SLEEPLESS = getattr(time, "CLOCK_BOOTTIME", None)
if _SLEEPLESS is None:
    _SLEEPLESS = getattr(time, "CLOCK_MONOTONIC", None)

# Nanoseconds of the same clock, for each frame of a stream: one call into C. On Windows `monotonic`
# counts sleep.
age_ns: Callable[[], int] = (
    time.monotonic_ns if _SLEEPLESS is None else partial(time.clock_gettime_ns, _SLEEPLESS)
)


def age_clock() -> int:
    """Give milliseconds since some moment in the past; only differences mean anything."""
    return age_ns() // 1_000_000


Clock = Callable[[], float]


def machine_clock() -> Clock:
    """Give the clock that all processes of this machine share, and that no one can set.

    Windows: `monotonic` moves in steps of 15.6 ms there before Python 3.13.
    """
    return time.perf_counter if sys.platform == "win32" else time.monotonic


def boot_id() -> str:
    """Name this boot of this machine, for the file name: clocks of two boots do not compare."""
    return proc("sys/kernel/random/boot_id")[:8] or platform.node()[:16] or "host"
