"""`marketkit demo` in a pipe: nobody has to wait long for a sign of life."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

LONGEST = 5.0  # seconds between two lines


@pytest.mark.slow
def test_the_demonstration_in_a_pipe_says_something_every_five_seconds(tmp_path):
    command = [sys.executable, "-m", "marketkit", "demo", "--lake", str(tmp_path / "lake")]
    environment = {**os.environ, "COLUMNS": "80"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
    ) as demo:
        assert demo.stdout is not None
        lines, silences, last = [], [], time.monotonic()
        for line in demo.stdout:
            now = time.monotonic()
            silences.append(now - last)
            lines.append(line.decode())
            last = now
    said = "".join(lines)
    assert demo.returncode == 0, said
    assert max(silences) < LONGEST, said
    assert said.count(" to go") > 3
    assert "e+" not in said
    assert "shape: (" not in said
