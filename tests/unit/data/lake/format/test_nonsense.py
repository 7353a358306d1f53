"""What files can say that nobody of ours has written."""

from __future__ import annotations

import json
import os

import polars as pl
import pytest

from marketkit.data.lake.format.nonsense import NONSENSE, UNREADABLE, evidence_of, is_moment, shown


@pytest.mark.parametrize("said", [0, 1_704_067_200_000])
def test_a_time_is_a_whole_number_of_the_years_of_candles(said):
    assert is_moment(said)


@pytest.mark.parametrize("said", [None, True, 1.0, "1", -1, 10**18, float("inf"), []])
def test_anything_else_is_no_time(said):
    assert not is_moment(said)


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "{", '{"a": 1e999}', "[]", "7", '{"a": null}', '"\\ud800"']
)
def test_whatever_stands_in_a_file_leads_to_one_of_these(text):
    with pytest.raises(NONSENSE):
        int(json.loads(text)["a"])


def test_a_beginning_of_before_there_were_words_rests_on_one_answer():
    assert evidence_of(None) == "one answer"
    assert evidence_of("months") == "months"
    assert evidence_of("a word of 2030") == "a word of 2030"


@pytest.mark.parametrize("said", [1, [], "", "\x1b[2J", "a\nb", "\u202e", "\ud800", "a" * 41])
def test_what_no_table_could_show_is_no_word(said):
    with pytest.raises(ValueError, match="no word"):
        evidence_of(said)


def test_a_reader_that_panics_is_caught():
    with pytest.raises(UNREADABLE):
        raise pl.exceptions.PanicException


def test_any_name_fits_into_a_frame():
    name = os.fsdecode(b"\xff.parquet")
    assert pl.Series([shown(name)]).to_list() == ["\\udcff.parquet"]
    assert shown("KRW-BTC") == "KRW-BTC"
