"""Recordings looked at and mended."""

from __future__ import annotations

import pytest
from filelock import FileLock

from marketkit.errors import LakeError
from marketkit.recording import files, journal, mending
from marketkit.recording.journal import Note
from marketkit.recording.layout import LOCK, hour_of
from marketkit.recording.rows import Heard, to_frame
from tests.unit.recording.conftest import START, trade

HOUR = hour_of("trade", START)


@pytest.fixture
def root(tmp_path):
    """A recording of two parts, the first of which is damaged, and litter."""
    root = tmp_path / "below" / "tape"
    root.mkdir(parents=True)
    journal.write(root, [Note("began", START, streams={"trade": ["KRW-BTC"]})])
    for number in (1, 2):
        rows = to_frame("trade", [Heard(START + number, trade(number))])
        files.write_part(root, HOUR, number, rows)
    (root / HOUR.folder / HOUR.part(1)).write_bytes(b"")
    (root / HOUR.folder / "05.parquet.1.aa.tmp").write_bytes(b"")
    return root


def test_a_look_finds_each_fault_and_changes_nothing(root):
    before = sorted(root.rglob("*"))
    found = [(each.finding, each.action) for each in mending.look(root)]
    assert found == [("corrupt", "set aside"), ("litter", "removed")]
    assert sorted(root.rglob("*")) == before


def test_mending_leaves_nothing_to_find_and_says_what_is_missing(root):
    assert mending.mend(root) != []
    assert mending.look(root) == []
    assert mending.mend(root) == []
    (note,) = [note for note in journal.read(root) if note.what == "damaged"]
    assert (note.until, note.at) == (START, START + 2)
    assert HOUR.part(1) in note.reason


def test_a_damaged_journal_is_mended_and_what_it_may_have_told_stays_said(root):
    path = root / "journal.jsonl"
    path.write_bytes(path.read_bytes() + b'{"what"; "left"}\n')
    journal.write(root, [Note("ended", START + 9)])
    before = journal.read(root)
    assert mending.look(root)[0].action == "mended"
    mending.mend(root)
    assert [note for note in journal.read(root) if HOUR.part(1) not in note.reason] == before
    assert b";" not in path.read_bytes()


def test_nothing_is_mended_while_somebody_records(root):
    with FileLock(root / LOCK), pytest.raises(LakeError, match="somebody records"):
        mending.mend(root)


def test_recordings_are_found_in_a_folder_and_two_below(root, tmp_path):
    assert mending.recordings(tmp_path) == [root]
    assert mending.recordings(root) == [root]
    assert mending.is_recording(root)
    assert not mending.is_recording(tmp_path)


def test_damaged_lines_at_the_end_of_a_journal_get_an_end_before_they_are_mended(root):
    (root / "journal.jsonl").write_bytes((root / "journal.jsonl").read_bytes()[:-9] + b"x" * 9)
    assert mending.mend(root) != []
    assert mending.look(root) == []
    assert {note.at for note in journal.read(root)} == {START + 2}


def test_what_was_made_of_parts_without_a_seal_is_never_said_to_be_proven(root):
    part = root / HOUR.folder / HOUR.part(3)
    to_frame("trade", [Heard(START + 3, trade(3))]).write_parquet(part)
    for _ in range(2):  # the second time with no part left
        mending.mend(root)
        assert [each.finding for each in mending.look(root)] == ["unsealed"]
    assert [path.name for path in (root / HOUR.folder).iterdir()] == [HOUR.file]
