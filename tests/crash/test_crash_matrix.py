"""Whatever an operation is killed at, the lake has the old or the new, and no half of anything."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

MATRIX = Path(__file__).with_name("matrix.py")
NAMES = list(runpy.run_path(str(MATRIX.with_name("operations.py")))["OPERATIONS"])
NEEDS = {"publish": "deltalake"}

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="children are forked")
operations = pytest.mark.parametrize("operation", [name for name in NAMES if name != "careless"])


def killed(operation: str, folder: Path, count: int) -> list[dict]:
    """Run the matrix of an operation; the repository is on its path as it is on ours."""
    if operation in NEEDS and find_spec(NEEDS[operation]) is None:
        pytest.skip(f"{NEEDS[operation]} is not installed")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, str(MATRIX), operation, str(folder), str(count)]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    kills = json.loads(ran.stdout)["kills"]
    assert sum(each["killed"] for each in kills) >= len(kills) // 2
    return kills


def broken(kills: list[dict]) -> list[dict]:
    return [each for each in kills if each["why"]]


@pytest.mark.parametrize("operation", ["append", pytest.param("freeze", marks=pytest.mark.slow)])
def test_an_operation_killed_at_some_of_its_steps_loses_and_claims_nothing(operation, tmp_path):
    assert broken(killed(operation, tmp_path, 2)) == []


@pytest.mark.slow
@operations
def test_an_operation_killed_in_every_state_of_the_disk_loses_and_claims_nothing(
    operation, tmp_path
):
    assert broken(killed(operation, tmp_path, 0)) == []


@pytest.mark.slow
def test_the_matrix_would_see_a_writer_that_writes_in_place(tmp_path):
    found = broken(killed("careless", tmp_path, 0))
    assert any("neither old nor new" in why for each in found for why in each["why"])
