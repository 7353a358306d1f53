"""The words that files have for how a candle stands."""

from __future__ import annotations

import polars as pl
import pytest

from marketkit.data.lake.transfer.sources.states import read_states
from marketkit.errors import InputError
from marketkit.schema import STATE


def test_our_own_words_come_back_in_those_of_a_source():
    column = pl.Series("state", ["closed", "forming", "empty"], STATE)
    assert read_states(column).to_list() == ["traded", "forming", "empty"]


def test_letters_and_blanks_make_no_difference_and_nothing_says_nothing():
    column = pl.Series("state", [" Traded", "EMPTY", "unknown", "", None])
    assert read_states(column).to_list() == ["traded", "empty", "unknown", None, None]


def test_another_word_is_named_with_the_row_and_the_way_out():
    with pytest.raises(InputError, match=r"row 2.*'gone' is no state.*columns=\{'state': None\}"):
        read_states(pl.Series("state", ["closed", "gone"]))
