"""The types that two checkers reveal, against the comments in `reveals.py`."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CALLS = Path(__file__).with_name("reveals.py")
WANTED = {
    number: line.rpartition("  # ")[2]
    for number, line in enumerate(CALLS.read_text("utf-8").splitlines(), 1)
    if "reveal_type(" in line
}
# The module that a checker names before a type, and how people write it.
MODULES = {
    r"\bpolars\.(dataframe|lazyframe)\.frame\.": "polars.",
    r"\bpandas\.core\.frame\.": "pandas.",
    r"\bmarketkit\.[a-z_.]+\.": "",
}


def spelled(revealed):
    for pattern, name in MODULES.items():
        revealed = re.sub(pattern, name, revealed)
    return revealed


def run(*command):
    return subprocess.run(
        [sys.executable, "-m", *command, str(CALLS)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout


def test_there_are_calls_enough_to_speak_of():
    assert len(WANTED) > 40


@pytest.mark.slow  # twenty seconds with an empty cache
def test_mypy_reveals_what_the_comments_say():
    said = run("mypy", "--strict", "--no-pretty")
    revealed = re.findall(r':(\d+): note: Revealed type is "(.*)"', said)
    assert {int(line): spelled(kind) for line, kind in revealed} == WANTED
    assert ": error:" not in said


def test_basedpyright_reveals_what_the_comments_say():
    """It leaves out the modules of names that are clear; `assert_type` is there for those."""
    found = json.loads(run("basedpyright", "--outputjson"))["generalDiagnostics"]
    errors = [each["message"] for each in found if each["severity"] == "error"]
    revealed = {
        each["range"]["start"]["line"] + 1: spelled(each["message"].rpartition(' is "')[2][:-1])
        for each in found
        if each["severity"] == "information"
    }
    assert not errors
    assert {line: short(kind) for line, kind in revealed.items()} == {
        line: short(kind) for line, kind in WANTED.items()
    }


def short(kind):
    return re.sub(r"\b(polars|pandas)\.", "", kind)
