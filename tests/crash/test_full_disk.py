"""A full disk and a lake that may only be read: clear errors, nothing half-written, and it goes on."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("full_disk.py")
NAMES = list(runpy.run_path(str(SCRIPT.with_name("operations.py")))["OPERATIONS"])
NEEDS = {"publish": "deltalake"}
# These write to the index alone, which is a cache, or outside of any lake.
QUIET = {"latest", "careless", "delete"}
SAMPLE = {"append", "freeze"}  # each costs the start of a process

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="limits and mounts of Unix")
operations = pytest.mark.parametrize(
    "operation",
    [
        pytest.param(name, marks=() if name in SAMPLE else pytest.mark.slow)
        for name in NAMES
        if name not in QUIET
    ],
)


@cache
def can_mount() -> bool:
    """Say whether this process may have mounts of its own: root may, mostly."""
    try:
        trial = ["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
        return subprocess.run(trial, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def troubled(operation: str, folder: Path, how: str, number: int = 0) -> dict:
    """Run an operation in trouble; the repository is on its path as it is on ours."""
    if operation in NEEDS and find_spec(NEEDS[operation]) is None:
        pytest.skip(f"{NEEDS[operation]} is not installed")
    if how != "limit" and not can_mount():
        pytest.skip("this process may not mount")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    own = [] if how == "limit" else ["unshare", "-m"]
    command = [*own, sys.executable, str(SCRIPT), operation, str(folder), how, str(number)]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


@operations
def test_a_file_that_may_not_grow_is_told_and_nothing_is_half_written(operation, tmp_path):
    assert troubled(operation, tmp_path, "limit", 20) == {
        "error": "NotWritable",
        "why": [],
        "again": "",
    }


@operations
def test_a_full_disk_is_told_and_nothing_is_half_written(operation, tmp_path):
    assert troubled(operation, tmp_path, "space", 0) == {
        "error": "NotWritable",
        "why": [],
        "again": "",
    }


@pytest.mark.slow
@pytest.mark.parametrize("number", [4_096, 12_288, 24_576])
@operations
def test_a_disk_that_fills_up_on_the_way_leaves_nothing_half_written(operation, tmp_path, number):
    found = troubled(operation, tmp_path, "space", number)
    assert found["error"] in {"NotWritable", ""}
    assert found["why"] == []


@operations
def test_a_lake_on_a_disk_that_may_only_be_read_says_so(operation, tmp_path):
    found = troubled(operation, tmp_path, "read-only")
    assert found == {"error": "NotWritable", "why": [], "again": ""}
