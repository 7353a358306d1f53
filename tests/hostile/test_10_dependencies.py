"""Packages that a user gets with marketkit: none with a known hole, and each where it is needed."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NEEDED = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]


def least(package):
    (found,) = (each for each in NEEDED if re.match(rf"{package}\b", each))
    return tuple(map(int, re.search(r">=([\d.]+)", found)[1].split(".")))


def test_locks_follow_no_symlink_to_a_file_of_somebody_else():
    assert least("filelock") >= (3, 20, 3)
    assert tuple(map(int, version("filelock").split(".")[:3])) >= least("filelock")


def test_requests_cache_is_loaded_by_nobody_who_keeps_no_answer():
    code = "import sys, marketkit as mk; mk.SmartDataProvider().close(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert not {"requests_cache", "requests", "cattrs", "attr"} & set(done.stdout.split())
