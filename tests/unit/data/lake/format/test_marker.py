"""The mark of a lake."""

from __future__ import annotations

import json

import pytest

from marketkit.data.lake.format import marker
from marketkit.errors import CorruptFile, NewerFormat, NotWritable


def test_a_folder_without_a_mark_is_no_lake_yet(tmp_path):
    assert not marker.check(tmp_path)
    assert not marker.check(tmp_path / "nowhere")


def test_preparing_makes_the_folder_and_the_mark_once(tmp_path):
    root = tmp_path / "deep" / "lake"
    marker.prepare(root)
    before = (root / "lake.json").stat()
    marker.prepare(root)
    assert marker.check(root)
    assert json.loads((root / "lake.json").read_text())["format"] == 1
    assert (root / "lake.json").stat().st_mtime_ns == before.st_mtime_ns
    assert [each.name for each in root.iterdir()] == ["lake.json"]


def test_a_later_format_is_refused(tmp_path):
    (tmp_path / "lake.json").write_text('{"format": 3}')
    with pytest.raises(NewerFormat, match="format 3"):
        marker.check(tmp_path)
    with pytest.raises(NewerFormat):
        marker.prepare(tmp_path)


def test_a_lake_is_of_the_format_with_journals_from_its_first_record_on(tmp_path):
    marker.prepare(tmp_path)
    assert json.loads((tmp_path / "lake.json").read_text())["format"] == marker.FORMAT
    marker.begin_journals(tmp_path)
    assert json.loads((tmp_path / "lake.json").read_text())["format"] == marker.JOURNALLED
    before = (tmp_path / "lake.json").stat().st_mtime_ns
    marker.begin_journals(tmp_path)
    assert (tmp_path / "lake.json").stat().st_mtime_ns == before
    assert marker.check(tmp_path)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": "new"}', "\xff"])
def test_a_mark_that_says_nothing_is_corrupt(tmp_path, text):
    (tmp_path / "lake.json").write_text(text, encoding="latin-1")
    with pytest.raises(CorruptFile, match=r"lake\.json"):
        marker.check(tmp_path)


def test_a_root_that_cannot_be_made_is_not_writable(tmp_path):
    (tmp_path / "file").write_text("here first")
    with pytest.raises(NotWritable, match="file"):
        marker.prepare(tmp_path / "file" / "lake")
