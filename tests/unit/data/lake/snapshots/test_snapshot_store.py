"""The store with frozen sets: what may be compared with what."""

from __future__ import annotations

from pathlib import Path

import pytest

from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.errors import InputError

MINUTE = 60_000


@pytest.fixture
def filled(lake, candles, january):
    """A lake with a frozen set, and one candle more since."""
    lake.append("KRW-BTC", "1m", candles([january]), Spans([(january, january + MINUTE)]))
    lake.freeze("before")
    after = january + MINUTE
    lake.append("KRW-BTC", "1m", candles([after]), Spans([(after, after + MINUTE)]))
    return lake


def kinds(frame) -> list[tuple[str, int]]:
    return frame.select("difference", "slots").rows()


def test_a_set_alone_is_compared_with_the_lake_as_it_is(filled):
    assert kinds(filled.diff("before")) == [("only_b", 1)]
    assert kinds(filled.diff(None, "before")) == [("only_a", 1)]


def test_a_side_may_be_a_name_a_lake_or_the_folder_of_either(filled, tmp_path):
    frozen = filled.root / "snapshots" / "before"
    new = filled.thaw("before", tmp_path / "thawed")
    for same in (filled.as_of("before"), new, new.root, str(new.root), frozen, str(frozen)):
        assert filled.diff("before", same).is_empty(), same
        assert kinds(filled.diff(same, filled)) == [("only_b", 1)], same
    assert Lake(tmp_path / "elsewhere").diff(new, frozen).is_empty()


def test_text_is_the_name_of_a_set_first_and_a_path_always_a_folder(filled, tmp_path, monkeypatch):
    Lake(tmp_path / "before").require_writable()
    monkeypatch.chdir(tmp_path)
    assert kinds(filled.diff("before", "before")) == []
    for folder in ("./before", Path("before"), tmp_path / "before"):
        assert kinds(filled.diff("before", folder)) == [("only_a", 1)]


@pytest.mark.parametrize("wrong", ["befor", "/nowhere", 5])
def test_what_is_neither_is_refused_with_what_is_meant(filled, wrong):
    with pytest.raises(InputError, match="neither a frozen set") as refused:
        filled.diff(wrong)
    assert ("did you mean 'before'" in str(refused.value)) == (wrong == "befor")
