"""Waiting for what comes by itself, however busy the machine is."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 120.0  # seconds for what a quiet machine does in one; only a failure takes as long


def wait(condition: Callable[[], object]) -> None:
    """Wait until something holds."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it never came to hold"
        time.sleep(0.005)


def soon(seconds: float, attempt: Callable[[], tuple[float, T]]) -> T:
    """Do something that takes less than so many seconds, again where a busy machine stalled.

    An attempt gives the seconds that it took, and its result.
    """
    for _ in range(3):
        took, result = attempt()
        if took < seconds:
            return result
    raise AssertionError(f"it took {took:.1f}s for the third time, and may take {seconds:g}s")


def given_time(run: Callable[[str], T], suffices: Callable[[T], bool]) -> T:
    """Run a command with a limit of time, and with a longer one where a busy machine needs that."""
    result = run("1s")
    for limit in ("5s", "25s", "120s"):
        if suffices(result):
            break
        result = run(limit)
    return result
