"""A report names no person, no address and no folder of somebody's."""

from __future__ import annotations

import getpass
from pathlib import Path

import polars as pl
import pytest

from marketkit.api.findings import FINDINGS
from marketkit.cli.issue import impersonal, markdown


@pytest.fixture(autouse=True)
def _somebody(monkeypatch, tmp_path):
    monkeypatch.setattr(getpass, "getuser", lambda: "minjun")
    monkeypatch.setattr(Path, "home", lambda: Path("/home/minjun"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("lake: /home/minjun/.local/lake", "lake: ~/.local/lake"),
        ("lake: /mnt/minjun/lake", "lake: /mnt/(user)/lake"),
        ("C:\\Users\\minjun\\lake", "C:\\Users\\(user)\\lake"),
        ("endpoint: https://api.upbit.com", "endpoint: https://api.upbit.com"),
        ("endpoint: https://sg-api.upbit.com/v1", "endpoint: https://sg-api.upbit.com/v1"),
        ("endpoint: http://minjuns-nas:8000", "endpoint: http://(not-upbit)"),
        ("cannot connect to 192.168.0.12 (refused)", "cannot connect to (address) (refused)"),
        ("from fe80::1ff:fe23:4567:890a, again", "from (address), again"),
        (
            "marketkit 0.1.0, Python 3.11.7, polars 2.1.0",
            "marketkit 0.1.0, Python 3.11.7, polars 2.1.0",
        ),
        ("at 2026-11-20T12:00:30", "at 2026-11-20T12:00:30"),
        ("minjunkim is somebody else", "minjunkim is somebody else"),
    ],
)
def test_what_is_personal_is_left_out_and_the_rest_stays(text, said):
    assert impersonal(text) == said


def test_the_worst_comes_first_and_a_bar_breaks_no_table():
    rows = [
        ("good", "disk", "3 GB", ""),
        ("bad", "lake", "a | b\nc", "repair /home/minjun/lake"),
        ("look", "clock", "late", "set it"),
    ]
    said = markdown(pl.DataFrame(rows, schema=dict(FINDINGS), orient="row")).splitlines()
    assert said[2] == "1 bad, 1 look, 0 note, 1 good"
    assert said[6:] == [
        "| bad | lake | a \\| b c | repair ~/lake |",
        "| look | clock | late | set it |",
        "| good | disk | 3 GB |  |",
    ]
