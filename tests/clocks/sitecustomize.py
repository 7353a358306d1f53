"""Mend `time.sleep` under libfaketime; every Python process of a shifted run loads this first.

With the monotonic clock left alone (it has to be: a wait with a timeout on a faked one never ends,
sem_clockwait asks the kernel) libfaketime 0.9.10 refuses every `clock_nanosleep` with EINVAL.
"""

from __future__ import annotations

import select
import time


def _sleep(seconds: float, /) -> None:
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    select.select([], [], [], seconds)


try:
    time.sleep(1e-6)
except OSError:
    time.sleep = _sleep
