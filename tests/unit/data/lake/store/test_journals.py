"""The files of journals: found, read once, written behind what is sound, and removed."""

from __future__ import annotations

import os

import pytest

from marketkit.coverage import Spans
from marketkit.data.lake.format import marker
from marketkit.data.lake.format.journal import Record, columns_of, path_of
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.store import journals as module
from marketkit.data.lake.store.journals import Journals, new_journal, series_of
from marketkit.errors import CorruptFile
from marketkit.schema import ROW, empty
from marketkit.timeframe import TIMEFRAMES

SERIES = Series("upbit", "KRW-BTC", TIMEFRAMES["1m"])
OTHER = Series("upbit", "KRW-ETH", TIMEFRAMES["1m"])


def record(journal, number: int, january: int = 1_704_067_200_000) -> Record:
    covered = Spans([(january, january + 60_000 * number)])
    place = (journal.name.hex(), number, "2024-01", covered, number)
    return Record(*place, 0, None, None, (), columns_of(empty(ROW)))


@pytest.fixture
def journals(tmp_path) -> Journals:
    marker.prepare(tmp_path)
    return Journals(tmp_path)


def test_what_one_object_adds_another_reads(journals, tmp_path):
    assert journals.read(SERIES) is None
    first = journals.add(SERIES, new_journal(), [record(new := new_journal(), 1)])
    assert new.name != first.name
    both = journals.add(SERIES, first, [record(first, 2), record(first, 3)])
    other = Journals(tmp_path)
    found = other.read(SERIES)
    assert found is not None
    assert [each.number for each in found.records] == [1, 2, 3]
    assert (found.name, found.end, found.records) == (both.name, both.end, both.records)
    assert other.read(SERIES) is found
    assert journals.read(SERIES) is both


def test_those_that_nobody_looked_at_for_longest_are_read_again(tmp_path, monkeypatch):
    marker.prepare(tmp_path)
    forgotten = []
    journals = Journals(tmp_path, forgotten.append)
    first = journals.add(SERIES, begun := new_journal(), [record(begun, 1)])
    monkeypatch.setattr(module, "_KEPT", first.end)
    journals.add(OTHER, begun := new_journal(), [record(begun, 1)])
    assert forgotten == [SERIES.folder]
    again = journals.read(SERIES)
    assert again is not first
    assert again.records == first.records
    assert journals.read(SERIES) is again


def test_one_that_was_removed_leaves_no_page_in_memory(journals):
    journal = journals.add(SERIES, begun := new_journal(), [record(begun, 1)])
    journals.over(SERIES, [], journal)
    journals.remove(SERIES, journal)
    assert not journals._patched
    assert journals.read(SERIES) is None


def test_half_a_record_is_written_over_and_never_kept_in_mind(journals, tmp_path):
    first = journals.add(SERIES, begun := new_journal(), [record(begun, 1)])
    path, reader = path_of(tmp_path, SERIES), Journals(tmp_path)
    second = len(path.read_bytes()) - 16
    path.write_bytes(path.read_bytes() + b"\xf5mkj" + bytes(second - 4))
    assert [each.number for each in reader.read(SERIES).records] == [1]
    journals.add(SERIES, first, [record(first, 2)])
    assert [each.number for each in reader.read(SERIES).records] == [1, 2]


def test_those_of_some_series_are_found_with_one_look_at_a_folder(journals, tmp_path):
    journals.add(SERIES, begun := new_journal(), [record(begun, 1)])
    failures = {}
    assert list(journals.of([SERIES, OTHER], failures)) == [SERIES]
    assert list(journals.of([OTHER], failures)) == []
    assert list(journals.all()) == [SERIES]
    assert failures == {}
    assert journals.written() == [SERIES]
    journals.remove(SERIES, journals.read(SERIES))
    assert (list(journals.all()), journals.written()) == ([], [])


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="a folder is no file anywhere else")
def test_one_that_cannot_be_read_is_a_failure_of_its_series_alone(journals, tmp_path):
    path_of(tmp_path, SERIES).mkdir(parents=True)
    journals.add(OTHER, begun := new_journal(), [record(begun, 1)])
    failures = {}
    assert list(journals.of([SERIES, OTHER], failures)) == [OTHER]
    assert isinstance(failures[SERIES], CorruptFile)


def test_a_damaged_one_is_kept_aside_when_it_goes(journals, tmp_path):
    journals.add(SERIES, begun := new_journal(), [record(begun, 1), record(begun, 2)])
    path = path_of(tmp_path, SERIES)
    content = bytearray(path.read_bytes())
    content[60] ^= 1
    path.write_bytes(bytes(content))
    journals.remove(SERIES, journals.read(SERIES))
    assert not path.exists()
    assert [each.read_bytes() for each in tmp_path.glob("corrupt/*/journal/*/*/*")] == [content]


def test_files_of_others_are_no_journals(tmp_path):
    folder = tmp_path / "journal" / "source=upbit" / "timeframe=1min"
    assert series_of(tmp_path, folder / "KRW-BTC.log") == SERIES
    for odd in ("KRW-BTC (copy).log", ".log", "._KRW-BTC.log", "KRW-BTC.txt"):
        assert series_of(tmp_path, folder / odd) is None
    assert series_of(tmp_path, folder.with_name("timeframe=7m") / "KRW-BTC.log") is None


def test_a_journal_that_went_is_gone_for_good(journals, tmp_path, monkeypatch):
    """Come back after a power cut, its pages would count as newer than a file made since."""
    found = journals.add(SERIES, begun := new_journal(), [record(begun, 1)])
    path, synced = path_of(tmp_path, SERIES), []
    monkeypatch.setattr(
        module, "sync_folder", lambda folder: synced.append((folder, path.exists()))
    )
    journals.remove(SERIES, found)
    assert synced == [(path.parent, False)]
