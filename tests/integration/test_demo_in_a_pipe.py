"""`marketkit demo` in a pipe: nobody has to wait long for a sign of life."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from itertools import pairwise

import pytest

LONGEST = 5  # seconds between two lines of its longest step, by its own count
AFTER = re.compile(r"requests in (?:(\d+)m )?(\d+)s \(")


@pytest.mark.slow
def test_the_demonstration_in_a_pipe_says_something_every_five_seconds(tmp_path):
    command = [sys.executable, "-m", "marketkit", "demo", "--lake", str(tmp_path / "lake")]
    environment = {**os.environ, "COLUMNS": "80"}
    demo = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert demo.returncode == 0, demo.stderr
    said = demo.stdout
    times = [0, *(int(minutes or 0) * 60 + int(rest) for minutes, rest in AFTER.findall(said))]
    assert len(times) > 4, said
    assert max(later - earlier for earlier, later in pairwise(times)) <= LONGEST, said
    assert "e+" not in said
    assert "shape: (" not in said
