"""`marketkit lake merge`: words, exit codes, and a folder before a name."""

from __future__ import annotations

import json

import pytest

from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from tests.unit.data.lake.conftest import make_candles


@pytest.fixture
def other(tmp_path):
    other = Lake(tmp_path / "other")
    other.append("KRW-BTC", "1m", make_candles([0]), Spans([(0, 120_000)]))
    return other


def test_a_merge_is_told_in_words_and_in_values(run, other, tmp_path):
    where = ("--lake", tmp_path / "lake")
    code, out, _ = run("lake", "merge", other.root, "--dry-run", *where)
    assert code == 0
    assert "2 slots of 1 series, 1 of them with candles" in " ".join(out.split())
    assert not (tmp_path / "lake").exists()
    code, out, _ = run("lake", "merge", other.root, "--json", *where)
    assert (code, json.loads(out)["slots"]) == (0, 2)
    assert Lake(tmp_path / "lake").covered("KRW-BTC", "1m") == Spans([(0, 120_000)])


def test_a_folder_comes_before_a_frozen_set_of_the_same_name(run, other, tmp_path, monkeypatch):
    other.freeze("other")
    monkeypatch.chdir(tmp_path)
    assert run("lake", "merge", "other", "--lake", other.root)[0] == 2  # the lake itself
    monkeypatch.chdir(other.root)
    assert run("lake", "merge", "other", "--lake", other.root)[0] == 0


@pytest.mark.parametrize("words", [("--prefer", "file"), ("--symbols",)])
def test_words_that_are_no_choice_are_bad_usage(run, other, words):
    with pytest.raises(SystemExit) as ended:
        run("lake", "merge", other.root, *words)
    assert ended.value.code == 2
