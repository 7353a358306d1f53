"""A machine's own troubles are named, and each says what to do."""

from __future__ import annotations

import shutil
from types import SimpleNamespace

import pytest

from marketkit.api import machine
from marketkit.api.machine import Requirement, look_at_machine, requirements, terminal


def found(check, tmp_path):
    rows = look_at_machine(tmp_path / "lake", tmp_path / "budget")
    return [row for row in rows if row.check == check]


def test_a_machine_in_order_is_good_and_what_is_not_has_something_to_do(tmp_path):
    rows = list(look_at_machine(tmp_path / "lake", tmp_path / "budget"))
    assert {"versions", "disk", "budget", "terminal"} <= {row.check for row in rows}
    assert all(bool(row.do) == (row.state != "good") for row in rows)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("encoding", "state"),
    [("utf-8", "good"), (None, "good"), ("cp949", "note"), ("ascii", "look"), ("cp1252", "look"),
     ("nonsense", "look")],
)  # fmt: skip
def test_a_terminal_shows_korean_names_and_lines_or_says_how(encoding, state):
    said = terminal(encoding)
    assert said.state == state
    assert ("PYTHONIOENCODING" in said.do) == (state != "good")


@pytest.mark.parametrize(("free", "state"), [(10**10, "good"), (5 * 10**8, "look"), (10, "bad")])
def test_little_room_is_told(tmp_path, with_own, free, state):
    with_own(machine, shutil, disk_usage=lambda _: SimpleNamespace(free=free))
    (row,) = found("disk", tmp_path)
    assert row.state == state


def test_a_budget_that_cannot_be_shared_is_bad(tmp_path):
    (tmp_path / "budget").mkdir()
    (row,) = found("budget", tmp_path)
    assert row.state == "good"
    row = machine._budget_folder(machine.Path("/proc/none"))
    assert row.state == "bad"
    assert "MARKETKIT_BUDGET_DIR" in row.do


def test_a_package_that_is_too_old_is_bad_and_an_extra_that_lacks_is_a_note(tmp_path, monkeypatch):
    said = ["polars>=999.1", 'nothing-of-the-kind>=1; extra == "plot"', 'x>=1; extra == "test"']
    monkeypatch.setattr(machine, "importlib_requires", lambda: said)
    _, old = found("versions", tmp_path)
    assert old.state == "bad"
    assert old.do == "pip install --upgrade 'polars>=999.1'"
    (extra,) = found("extras", tmp_path)
    assert (extra.state, extra.detail) == ("note", "plot is not there: nothing-of-the-kind")
    assert "marketkit-upbit[plot]" in extra.do


def test_requirements_are_read_as_distributions_spell_them():
    said = [
        "filelock>=3.16",
        "requests-cache<2,>=1.2",
        "a[b,c]>=2; python_version > '3' and extra == 'd'",
    ]
    assert requirements([*said, "marketkit-upbit[pandas]; extra == 'all'"]) == [
        Requirement("filelock", "3.16", None),
        Requirement("requests-cache", "1.2", None),
        Requirement("a", "2", "d"),
    ]
