"""Streams that are opened and let go of for ten minutes of the exchange's time cost no memory."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import linear_regression

import pytest

RUN = Path(__file__).with_name("run.py")
SPEED, SECONDS, WARM_UP = 10, 60, 20  # ten minutes of the exchange's time
GROWTH = 6e6  # bytes that a whole run after its warm-up may seem to grow by, as allocators waver

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc"),
]


@contextlib.contextmanager
def exchange() -> Iterator[str]:
    """Run a sandbox in a process of its own; give its endpoint."""
    flags = ("--now", "2026-11-20T10:17:30Z", "--speed", str(SPEED), "--limit", "1000/1")
    command = [sys.executable, "-m", "marketkit.sandbox", *flags, "--fault", "drop=0.00001"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield json.loads(process.stdout.readline())["endpoint"]
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def told() -> dict:
    """What a program that lived through it says of itself."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with exchange() as endpoint:
        command = [sys.executable, str(RUN), endpoint, str(SECONDS)]
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


def grown(told: dict, what: str) -> float:
    """Fit a line to the looks after the warm-up; say by how much it rises from end to end."""
    looks = [look for look in told["looks"] if look["at"] >= WARM_UP]
    slope = linear_regression([x["at"] for x in looks], [x[what] for x in looks]).slope
    return slope * (looks[-1]["at"] - looks[0]["at"])


def test_memory_is_flat(told):
    assert grown(told, "rss") < GROWTH


def test_no_task_file_or_thread_is_left(told):
    """The few that closing handles hold at the moment of a look come and go: a leak never goes."""
    settled = [look for look in told["looks"] if look["at"] >= WARM_UP]
    for what in ("tasks", "files", "threads"):
        early, late = (min(look[what] for look in part) for part in (settled[:10], settled[-10:]))
        assert late <= early + 1, (what, [look[what] for look in told["looks"]])


def test_the_feeds_were_alive_and_nothing_was_lost(told):
    assert told["opened"] >= SECONDS
    assert told["events"] > SECONDS
    assert told["callbacks"] > 0
    assert told["lost"] == told["errors"] == 0
    assert all(look["rows"] for look in told["looks"])
