"""Who runs under which clock."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OTHER_DAYS = ("a day ahead", "40 days ahead", "400 days ahead", "29 February")


@pytest.fixture(scope="module")
def dealt() -> dict[str, set[str]]:
    """The test files of each clock, as the command lists them."""
    command = [sys.executable, str(ROOT / "tests" / "clocks" / "run.py"), "--list"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found: dict[str, set[str]] = {}
    clock = ""
    for line in said.splitlines():
        if line.startswith(" "):
            found[clock].add(line.strip())
        else:
            clock = line
            found[clock] = set()
    if "40 days ahead" not in found:
        pytest.skip("no libfaketime here")
    return found


def test_every_unit_test_runs_on_another_day(dealt):
    elsewhere = set().union(*(dealt[name] for name in OTHER_DAYS))
    unit = (ROOT / "tests" / "unit").rglob("test_*.py")
    assert {path.relative_to(ROOT).as_posix() for path in unit} <= elsewhere


def test_what_has_to_do_with_the_clock_runs_under_all(dealt):
    everywhere = set.intersection(*dealt.values())
    for name in ("data/lake/store/test_index", "net/budget/test_file", "net/test_exchange_clock"):
        assert f"tests/unit/{name}.py" in everywhere
    assert len(everywhere) < 40  # or the run takes minutes longer than it may
