"""Whatever a writer is killed at between journal and chunks, no page is lost, half or told twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("journal.py")
ENOUGH = 200  # kills, in all

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="children are forked")


def kills(folder: Path, stride: int) -> list[dict]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, str(PROGRAM), str(folder), str(stride)]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)["kills"]


def test_a_writer_killed_at_some_of_its_steps_loses_nothing(tmp_path):
    found = kills(tmp_path, 0)
    assert [each for each in found if each["why"]] == []
    assert any(each["killed"] for each in found)


@pytest.mark.slow
def test_a_writer_killed_in_every_state_of_the_disk_and_in_between_loses_nothing(tmp_path):
    found = kills(tmp_path, 1_400)
    assert [each for each in found if each["why"]] == []
    assert sum(each["killed"] for each in found) >= ENOUGH
