"""The journal of a recording: whole lines only, whatever a kill leaves."""

from __future__ import annotations

from marketkit.recording import journal
from marketkit.recording.journal import Note
from marketkit.recording.reader import read_interruptions


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


def test_a_flipped_digit_is_a_hole_and_no_other_moment(tmp_path):
    path = tmp_path / "journal.jsonl"
    journal.write(tmp_path, [Note("began", 10)])
    journal.write(tmp_path, [Note("interrupted", 30, 20)])
    journal.write(tmp_path, [Note("resumed", 90)])
    content = path.read_bytes()
    path.write_bytes(content.replace(b'"at": 30', b'"at": 38'))
    assert [(note.what, note.until, note.at) for note in journal.read(tmp_path)] == [
        ("began", None, 10),
        ("damaged", 10, 90),
        ("resumed", None, 90),
    ]
    assert journal.damaged(tmp_path) == 1
    journal.mend(tmp_path)
    assert journal.damaged(tmp_path) == 0
    assert [note.at for note in journal.read(tmp_path)] == [10, 90, 90]


def test_damaged_lines_at_the_end_are_a_hole_without_an_end(tmp_path):
    journal.write(tmp_path, [Note("began", 10), Note("ended", 90)])
    path = tmp_path / "journal.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"at": 90', b'"at": 38'))
    assert journal.read(tmp_path)[1:] == [
        Note("damaged", journal.UNENDED, 10, "a line of the journal is damaged")
    ]
    assert read_interruptions(tmp_path)["end"].to_list() == [None]


def test_no_flipped_bit_of_a_note_goes_unnoticed(tmp_path):
    path = tmp_path / "journal.jsonl"
    notes = [Note("began", 10, streams={"trade": ["KRW-BTC"]}), Note("ended", 90)]
    journal.write(tmp_path, notes)
    content = path.read_bytes()
    for at in range(len(content)):
        for bit in range(8):
            broken = bytearray(content)
            broken[at] ^= 1 << bit
            path.write_bytes(broken)
            assert journal.read(tmp_path) == notes or journal.damaged(tmp_path)


def test_a_line_whose_end_is_overwritten_is_no_half_line_of_a_kill(tmp_path):
    journal.write(tmp_path, [Note("began", 10), Note("interrupted", 30, 20), Note("resumed", 90)])
    path = tmp_path / "journal.jsonl"
    lines = path.read_bytes().splitlines()
    lines[1] = lines[1][:-50] + bytes(50)
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    assert [note.what for note in journal.read(tmp_path)] == ["began", "damaged", "resumed"]


def test_a_note_that_has_neither_its_sum_nor_its_kind_any_more_is_damaged(tmp_path):
    journal.write(tmp_path, [Note("began", 10), Note("interrupted", 30, 20), Note("resumed", 90)])
    path = tmp_path / "journal.jsonl"
    first, second, third = path.read_bytes().splitlines(keepends=True)
    second = second.replace(b'"what"', b'"wha|"').replace(b'"sum": "', b'"sum": "%')
    path.write_bytes(first + second + third)
    assert [note.what for note in journal.read(tmp_path)] == ["began", "damaged", "resumed"]


def test_lines_of_releases_without_sums_are_read(tmp_path):
    lines = ['{"what": "began", "at": 5}', '{"what": "ended", "at": 6}']
    (tmp_path / "journal.jsonl").write_text("".join(f"{each}\n" for each in lines))
    journal.write(tmp_path, [Note("began", 9)])
    assert [note.at for note in journal.read(tmp_path)] == [5, 6, 9]
    assert journal.damaged(tmp_path) == 0
