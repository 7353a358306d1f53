"""The clock for ages."""

from __future__ import annotations

import time

from marketkit.clock import age_clock


def test_it_never_goes_back_and_keeps_up_with_the_time():
    before, start = age_clock(), time.monotonic()
    moments = [age_clock() for _ in range(1_000)]
    while time.monotonic() < start + 0.02:
        moments.append(age_clock())
    moments.append(age_clock())
    assert moments == sorted(moments)
    assert moments[-1] - before >= 19
