"""The stub of the package, against the package."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ALLOWED = Path(__file__).with_name("stubtest.txt")


@pytest.mark.slow  # half a minute: stubtest reads every module of the package anew
def test_the_stub_says_what_the_package_has():
    command = ["mypy.stubtest", "marketkit", "--concise", "--allowlist", str(ALLOWED)]
    done = subprocess.run(
        [sys.executable, "-m", *command, "--mypy-config-file", "pyproject.toml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr
