"""No damage to a file of ours ends the process, is a raw error, or gives a wrong row unseen."""

from __future__ import annotations

import pytest

from tests.hostile import fuzzing

QUICK = [
    ("damage", ""),
    ("damage", "unsealed wal"),
    ("damage_recordings", ""),
    ("damage_settings", ""),
]
# Each is a process of its own, and a worker's work: ten thousand cases together.
LONG = [
    *(("damage", how, range(1_500)) for how in ("", "wal", "unsealed", "unsealed wal")),
    *(("damage_recordings", "", range(first, first + 1_000)) for first in (0, 1_000)),
    ("damage_recordings", "unsealed", range(500)),
    ("damage_settings", "", range(1_500)),
]


def test_ten_thousand_cases_are_tried():
    assert sum(len(cases) for _, _, cases in LONG) == 10_000


@pytest.mark.parametrize(("area", "how"), QUICK)
def test_damaged_files_end_no_process_and_deceive_nobody(tmp_path, area, how):
    assert fuzzing.tried(area, tmp_path, range(40), how) == []


@pytest.mark.slow
@pytest.mark.parametrize(("area", "how", "cases"), LONG)
def test_thousands_of_damaged_files_end_no_process_and_deceive_nobody(tmp_path, area, how, cases):
    assert fuzzing.tried(area, tmp_path, cases, how) == []
