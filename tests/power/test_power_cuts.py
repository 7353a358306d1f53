"""Whatever a power cut takes of what was not synced, nothing promised is lost and nothing is false."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import pytest
from filelock import FileLock

from tests.power import strace
from tests.power.table import ROOT

# Quick ones: those that have no lake, one with a journal, and those that must not pass.
QUICK = ["append behind a dead writer", "jobs", "recording", "settings", "bans"]
WRONG = [
    "bytes not synced",
    "name not synced",
    "folder not synced",
    "written in place",
    "line not synced",
    "change before its line",
    "removed before the copy",
    "a lazy ledger",
]
GROUPS = {
    "appends": [
        "append",
        "append to a new lake",
        "append through the journal",
        "append behind a dead writer",
        "append past the journal",
        "compaction",
    ],
    "intake": ["import", "merge of lakes", "archive", "export", "unsettled", "images"],
    "sets": ["freeze", "thaw", "delete", "publish"],
    "care": ["repair", "drop", "trades", "drop of trades", "market lists"],
    "beside the lake": ["jobs", "recording", "settings", "bans"],
}
FEW, MANY = 2, 3  # states of each point of a trace, on either kind of disk

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="strace is for Linux")


def judged(most: int, names: list[str], folder: Path) -> dict[str, dict]:
    """Run the table; the folders that are rebuilt a thousand times lie in memory, if they can."""
    if not strace.is_there():
        if os.environ.get("CI"):
            pytest.fail(strace.INSTALL)
        pytest.skip(strace.INSTALL)
    memory = Path("/dev/shm")  # noqa: S108 - a folder of an own name in there
    place = memory if os.access(memory, os.W_OK) else folder
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)]),
    }
    with tempfile.TemporaryDirectory(dir=place, prefix="marketkit-power-") as where:
        command = [sys.executable, "-m", "tests.power.table", where, str(most), *names]
        ran = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, cwd=ROOT
        )
    assert ran.returncode == 0, ran.stderr
    return {row["writer"]: row for row in json.loads(ran.stdout)}


@pytest.fixture(scope="session")
def quick(tmp_path_factory) -> dict[str, dict]:
    """The rows of the quick ones, made once for all processes of a run."""
    own = tmp_path_factory.getbasetemp()
    folder = own.parent if os.environ.get("PYTEST_XDIST_WORKER") else own
    made = folder / "power-cuts.json"
    with FileLock(f"{made}.lock"):
        if not made.exists():
            names = [*QUICK, "with care", *WRONG]
            made.write_text(json.dumps(judged(FEW, names, folder)))
        return json.loads(made.read_text())


@pytest.mark.parametrize("writer", [*QUICK, "with care"])
def test_a_power_cut_costs_nothing_that_was_promised(writer, quick):
    row = quick[writer]
    assert row["faults"] == []
    assert row["states"] == row["consistent"] + row["repaired"] > 0


@pytest.mark.parametrize("writer", WRONG)
def test_a_writer_that_lacks_a_step_is_caught(writer, quick):
    assert quick[writer]["faults"]


@pytest.mark.slow
@pytest.mark.parametrize("group", GROUPS)
def test_a_power_cut_costs_no_writer_of_a_group_anything_that_was_promised(group, tmp_path):
    names = [name for name in GROUPS[group] if name != "publish" or find_spec("deltalake")]
    rows = judged(MANY, names, tmp_path)
    assert list(rows) == names
    assert [fault for row in rows.values() for fault in row["faults"]] == []


def test_every_writer_is_in_a_group():
    from tests.power.writers import CARELESS, WRITERS

    assert sorted(WRITERS) == sorted(name for group in GROUPS.values() for name in group)
    assert {*WRONG, "with care"} == set(CARELESS)


def test_where_nothing_can_be_traced_the_install_line_is_told_and_ci_fails(monkeypatch, tmp_path):
    monkeypatch.setattr(strace, "is_there", lambda: False)
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="apt-get install strace"):
        judged(FEW, QUICK, tmp_path)
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="apt-get install strace"):
        judged(FEW, QUICK, tmp_path)
