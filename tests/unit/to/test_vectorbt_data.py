"""vectorbt is optional; with the library itself this is tested among the real clients."""

from __future__ import annotations

import sys

import pytest

from marketkit.errors import MissingExtra
from marketkit.to.intake import bars
from marketkit.to.vectorbt_data import _aligned, vectorbt


def test_without_the_library_the_extra_is_named(hours, monkeypatch):
    monkeypatch.setitem(sys.modules, "vectorbt", None)
    with pytest.raises(MissingExtra, match=r"marketkit-upbit\[engines\]"):
        vectorbt(hours)


def test_markets_share_one_index_and_what_is_missing_is_not_a_number(two):
    tables = _aligned(bars(two))
    assert list(tables) == ["KRW-BTC", "KRW-DOGE"]
    assert tables["KRW-BTC"].index.equals(tables["KRW-DOGE"].index)
    assert tables["KRW-DOGE"]["Close"].isna().tolist() == [False, False, True, True, False, False]
    assert tables["KRW-BTC"].index.freqstr == "h"


def test_an_index_with_a_gap_has_no_step(two):
    (table,) = _aligned(bars(two, symbol="KRW-DOGE")).values()
    assert table.index.freq is None
    assert len(table) == 4


def test_one_candle_is_enough(hours):
    assert len(_aligned(bars(hours.head(1)))["KRW-BTC"]) == 1
