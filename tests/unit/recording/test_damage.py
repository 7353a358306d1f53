"""The judgement of one recorded file."""

from __future__ import annotations

import json

import polars as pl
import pytest

from marketkit.recording import damage, files, seal
from marketkit.recording.damage import Looked
from marketkit.recording.layout import hour_of
from marketkit.recording.rows import Heard, to_frame
from tests.unit.recording.conftest import START, trade

HOUR = hour_of("trade", START)
ROWS = to_frame("trade", [Heard(START, trade(1))])


def test_a_part_and_a_file_of_ours_have_no_fault(tmp_path):
    files.write_part(tmp_path, HOUR, 1, ROWS)
    folder = tmp_path / HOUR.folder
    assert damage.look(folder / HOUR.part(1), HOUR) == Looked("")
    files.compact(tmp_path, HOUR)
    assert damage.look(folder / HOUR.file, HOUR) == Looked("")
    assert parts(folder / HOUR.file) == {HOUR.part(1)}


def test_parts_that_became_one_file_are_forgotten(tmp_path):
    """A recording of three channels has two thousand an hour."""
    for number in range(5):
        files.write_part(tmp_path, HOUR, number, ROWS)
    assert not files.damaged(tmp_path, HOUR)
    files.compact(tmp_path, HOUR)
    assert not files.damaged(tmp_path, HOUR)
    folder = str(tmp_path)
    assert [each for each in damage._known if each.startswith(folder)] == [
        str(tmp_path / HOUR.folder / HOUR.file)
    ]


def parts(path) -> frozenset[str]:
    with path.open("rb") as file:
        return damage.parts(file)


def test_a_version_of_a_file_is_read_once_and_the_next_again(tmp_path, monkeypatch):
    files.write_part(tmp_path, HOUR, 1, ROWS)
    path = tmp_path / HOUR.folder / HOUR.part(1)
    checked = []
    real = damage.seal.check
    monkeypatch.setattr(damage.seal, "check", lambda path: (checked.append(path), real(path))[1])
    damage.look(path, HOUR)
    damage.look(path, HOUR)
    assert len(checked) == 1
    path.write_bytes(path.read_bytes()[:-1])
    assert damage.look(path, HOUR).fault
    assert len(checked) == 2


def test_files_of_releases_without_a_seal_are_read_as_they_are(tmp_path):
    part, hour = tmp_path / HOUR.part(1), tmp_path / HOUR.file
    ROWS.write_parquet(part)
    assert damage.look(part, HOUR) == Looked("", sealed=False)
    ROWS.write_parquet(hour, metadata={"marketkit": json.dumps({"parts": ["a"]})})
    assert damage.look(hour, HOUR) == Looked("", sealed=False)
    assert parts(hour) == {"a"}


@pytest.mark.parametrize("said", [None, "", "[]", "5", '{"parts": 5}', "[" * 100_000])
def test_a_file_of_an_hour_that_says_nothing_of_its_parts_is_none(tmp_path, said):
    path = tmp_path / HOUR.file
    ROWS.write_parquet(path, metadata=None if said is None else {"marketkit": said})
    assert "does not say of what it was made" in damage.look(path, HOUR).fault


def test_a_table_with_other_columns_is_none(tmp_path):
    path = tmp_path / HOUR.part(1)
    pl.DataFrame({"a": [1]}).write_parquet(path)
    assert "other columns" in damage.look(path, HOUR).fault
    ROWS.write_parquet(path)
    assert "other columns" in damage.look(path, HOUR._replace(channel="ticker")).fault


def test_where_no_look_can_be_had_the_system_says_why(tmp_path):
    with pytest.raises(FileNotFoundError):
        damage.look(tmp_path / "05.parquet", HOUR)


def test_a_file_without_a_seal_and_of_another_hour_is_none(tmp_path):
    path = tmp_path / HOUR.part(1)
    to_frame("trade", [Heard(HOUR.span.end, trade(1))]).write_parquet(path)
    assert "messages of another hour" in damage.look(path, HOUR).fault


def test_a_file_of_an_hour_that_was_made_of_files_without_a_seal_says_so(tmp_path):
    path = tmp_path / HOUR.file
    ROWS.write_parquet(path, metadata=seal.blank(["a"], proven=False))
    seal.put(path, path)
    assert damage.look(path, HOUR) == Looked("", sealed=False)
    assert parts(path) == {"a"}


def test_whatever_bits_of_a_file_without_a_seal_flip_there_is_a_judgement(tmp_path):
    path = tmp_path / HOUR.part(1)
    ROWS.write_parquet(path)
    content = path.read_bytes()
    for at in range(0, len(content), 7):
        path.write_bytes(content[:at] + bytes([content[at] ^ 0x41]) + content[at + 1 :])
        damage.look(path, HOUR)
