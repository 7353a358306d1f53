"""The journal of a recording: whole lines only, whatever a kill leaves."""

from __future__ import annotations

from marketkit.recording import journal
from marketkit.recording.journal import Note


def test_notes_are_read_as_they_were_written(tmp_path):
    notes = [
        Note("began", 1, streams={"trade": ["KRW-BTC"]}),
        Note("interrupted", 5, 3, "reset"),
        Note("resumed", 9),
    ]
    journal.write(tmp_path, notes[:1])
    journal.write(tmp_path, notes[1:])
    assert journal.read(tmp_path) == notes


def test_a_folder_without_a_journal_has_no_notes_and_none_is_made_for_nothing(tmp_path):
    journal.write(tmp_path, [])
    assert journal.read(tmp_path) == []
    assert not list(tmp_path.iterdir())


def test_half_a_line_of_a_killed_recorder_spoils_no_other(tmp_path):
    journal.write(tmp_path, [Note("began", 1)])
    with (tmp_path / "journal.jsonl").open("ab") as file:
        file.write(b'{"what": "inter')
    journal.write(tmp_path, [Note("ended", 2, reason="killed"), Note("began", 5)])
    assert [note.at for note in journal.read(tmp_path)] == [1, 2, 5]


def test_lines_that_are_no_notes_are_passed_over(tmp_path):
    lines = ["[]", '{"what": "danced", "at": 1}', '{"at": 1}', "", '{"what": "ended", "at": 2}']
    (tmp_path / "journal.jsonl").write_text("\n".join(lines))
    assert journal.read(tmp_path) == [Note("ended", 2)]
