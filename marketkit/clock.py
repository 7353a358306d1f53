"""A clock for ages: it never steps, and it goes on while the machine sleeps."""

from __future__ import annotations

import time

# Python's own `monotonic` stops with the machine on Linux and macOS; what was fresh before a
# night's sleep would be fresh after it.
_SLEEPLESS = getattr(time, "CLOCK_BOOTTIME", None)
if _SLEEPLESS is None:
    _SLEEPLESS = getattr(time, "CLOCK_MONOTONIC", None)


def steady() -> int:
    """Give milliseconds since some moment in the past; only differences mean anything."""
    if _SLEEPLESS is None:  # Windows, where `monotonic` counts sleep
        return time.monotonic_ns() // 1_000_000
    return time.clock_gettime_ns(_SLEEPLESS) // 1_000_000
