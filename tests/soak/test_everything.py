"""Everything at once, with everything going wrong: `python -m benchmarks soak`, for some minutes.

MARKETKIT_SOAK_MINUTES says for how many of this machine, and without it nothing is run: it takes
minutes, and some of a processor all the while. The exchange's pass four times as fast, so that
there are candles to compare. Its limits go by this machine's clock, as do ours.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks import soak
from benchmarks.soak.slope import HOUR, slope

MINUTES = float(os.environ.get("MARKETKIT_SOAK_MINUTES", "0"))
SPEED = 4


@pytest.mark.slow
@pytest.mark.skipif(not MINUTES, reason="MARKETKIT_SOAK_MINUTES=2.5 runs it")
@pytest.mark.skipif(
    not Path("/proc/self/smaps_rollup").exists(), reason="memory is read from /proc"
)
def test_nothing_is_lost_and_every_incident_is_told_once():
    result = soak.measure(quick=True, minutes=MINUTES, seed=1, speed=SPEED)
    missed = [row for row in result["rows"] if row["ok"] != "yes"]
    assert not missed, result
    assert not result["failed"]


def test_a_slope_is_that_of_most_minutes_whatever_a_few_say():
    times = [2.0 * look for look in range(1800)]
    values = [100 + 0.5 * time / HOUR + (50 if 1000 < time < 1400 else 0) for time in times]
    line = slope(times, values)
    assert line.middle == pytest.approx(0.5, abs=0.1)
    assert line.low <= line.middle <= line.high


def test_a_slope_of_one_minute_is_not_known():
    assert slope([1.0, 2.0], [5.0, 6.0]).high == float("inf")
