"""A recording that was killed, made whole before the next one begins."""

from __future__ import annotations

from marketkit.recording import files, journal
from marketkit.recording.journal import Note
from marketkit.recording.layout import hour_of
from marketkit.recording.recovery import recover
from marketkit.recording.rows import Heard, to_frame
from tests.unit.recording.conftest import START, trade


def test_parts_become_one_file_and_the_end_is_that_of_the_last_message(tmp_path):
    journal.write(tmp_path, [Note("began", START, streams={"trade": ["KRW-BTC"]})])
    for number in (1, 2):
        heard = [Heard(START + number, trade(number))]
        files.write_part(tmp_path, hour_of("trade", START), number, to_frame("trade", heard))
    recover(tmp_path)
    assert [each.name for each in tmp_path.rglob("*.parquet")] == ["05.parquet"]
    (_, ended) = journal.read(tmp_path)
    assert (ended.what, ended.at, ended.reason) == ("ended", START + 2, "killed")
    recover(tmp_path)
    assert len(journal.read(tmp_path)) == 2


def test_a_folder_that_is_new_has_nothing_to_recover(tmp_path):
    recover(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_damaged_lines_at_the_end_of_the_journal_end_with_the_last_message(tmp_path):
    journal.write(tmp_path, [Note("began", START), Note("ended", START + 1), Note("began", START)])
    path = tmp_path / "journal.jsonl"
    path.write_bytes(path.read_bytes()[:-9] + b"\xff" * 8 + b"\n")
    heard = [Heard(START + 50, trade(1))]
    files.write_part(tmp_path, hour_of("trade", START), 1, to_frame("trade", heard))
    recover(tmp_path)
    told = [(note.what, note.until, note.at) for note in journal.read(tmp_path)[2:]]
    assert told == [("damaged", START + 1, START + 50), ("ended", None, START + 50)]
    recover(tmp_path)
    assert len(journal.read(tmp_path)) == 4


def test_messages_that_were_never_written_are_noted_as_missing(tmp_path):
    """The break was noted, and the messages before and after it were not written any more."""
    journal.write(tmp_path, [Note("began", START, streams={"trade": ["KRW-BTC"]})])
    heard = [Heard(START + 5, trade(1))]
    files.write_part(tmp_path, hour_of("trade", START), 1, to_frame("trade", heard))
    journal.write(
        tmp_path, [Note("interrupted", START + 90, START + 80), Note("resumed", START + 100)]
    )
    recover(tmp_path)
    lost, ended = journal.read(tmp_path)[-2:]
    assert (lost.what, lost.until, lost.at) == ("damaged", START + 5, START + 100)
    assert (ended.what, ended.at) == ("ended", START + 100)
    recover(tmp_path)
    assert len(journal.read(tmp_path)) == 5
