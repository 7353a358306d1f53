"""Older names hand everything to the call that took their place, and say so."""

from __future__ import annotations

import pytest

import marketkit as mk
from marketkit.api import compat
from marketkit.api.sync import SmartDataProvider

OLDER = {
    "get_candles": ("get_candle", {}),
    "get_comprehensive_status": ("status", {}),
    "get_continuous_candles": ("get_candle", {"fill": "forward"}),
    "get_markets": ("get_market", {}),
    "get_multiple_tickers": ("get_ticker", {}),
    "get_tickers": ("get_ticker", {}),
    "get_trades": ("get_trade", {}),
}


@pytest.mark.parametrize("name", OLDER)
def test_an_older_name_can_be_called_and_is_shown_nowhere(name):
    assert getattr(mk, name) is getattr(compat, name)
    assert name not in dir(mk)
    assert not hasattr(SmartDataProvider, name)
    assert getattr(mk, name).__name__ == name


def test_no_other_older_names_exist():
    assert set(OLDER) == mk._OLDER
