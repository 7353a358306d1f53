"""Faults of journals: what is no record, what a dead writer left, and what nobody here wrote."""

from __future__ import annotations

import pytest

from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.audit.journals import look
from marketkit.data.lake.format.journal import path_of
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.store import pages
from marketkit.timeframe import TIMEFRAMES

SERIES = Series("upbit", "KRW-BTC", TIMEFRAMES["1m"])
NAME = "journal/source=upbit/timeframe=1min/KRW-BTC.log"


@pytest.fixture
def waiting(lake, candles, january, monkeypatch) -> Lake:
    """A lake with a chunk of three candles and two pages that wait for it."""
    monkeypatch.setattr(pages, "_LARGE", 0)
    for first, end in ((0, 3), (1, 3), (2, 4)):
        times = [january + slot * 60_000 for slot in range(first, end)]
        spans = Spans([(times[0], times[-1] + 60_000)])
        lake.append("KRW-BTC", "1m", candles(times, volume=1.0 + first), spans)
    return lake


def found(lake: Lake) -> list[tuple[str, str, str]]:
    return [(each.path, each.finding, each.action) for each in look(lake.root)]


def test_a_sound_journal_has_no_faults_and_an_audit_takes_it_in(waiting):
    assert found(waiting) == []
    assert waiting.audit().is_empty()
    assert not path_of(waiting.root, SERIES).exists()


@pytest.mark.parametrize("at", [3, 40, 500, -1])
def test_a_flipped_bit_is_found_and_mended(waiting, at):
    path = path_of(waiting.root, SERIES)
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(bytes(content))
    assert found(waiting) == [(NAME, "corrupt", "mended")]
    assert waiting.audit()["finding"].to_list() == ["corrupt"]
    assert waiting.repair().select("path", "action").rows() == [(NAME, "mended")]
    assert waiting.audit().is_empty()
    assert [each.read_bytes() for each in waiting.root.glob(f"corrupt/*/{NAME}")] == [content]


def test_half_a_record_is_litter_and_the_beginning_of_a_journal_too(waiting):
    path = path_of(waiting.root, SERIES)
    whole = path.read_bytes()
    path.write_bytes(whole[:-3])
    assert found(waiting) == [(NAME, "litter", "mended")]
    path.write_bytes(whole[:9])
    assert found(waiting) == [(NAME, "litter", "removed")]
    waiting.repair()
    assert not path.exists()


def test_names_of_others_are_stray(waiting):
    path_of(waiting.root, SERIES).with_name("notes.txt").write_text("x")
    assert found(waiting) == [("journal/source=upbit/timeframe=1min/notes.txt", "stray", "left")]
