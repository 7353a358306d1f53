"""The words of backtrader for our widths."""

from __future__ import annotations

import sys

import pytest

from marketkit.errors import MissingExtra
from marketkit.timeframe import TIMEFRAMES
from marketkit.to.backtrader_feed import backtrader, unit_of


def test_every_width_has_a_unit_and_a_count():
    assert {name: unit_of(each) for name, each in TIMEFRAMES.items()} == {
        "1s": ("Seconds", 1),
        "1m": ("Minutes", 1),
        "3m": ("Minutes", 3),
        "5m": ("Minutes", 5),
        "10m": ("Minutes", 10),
        "15m": ("Minutes", 15),
        "30m": ("Minutes", 30),
        "1h": ("Minutes", 60),
        "4h": ("Minutes", 240),
        "1d": ("Days", 1),
        "1w": ("Weeks", 1),
        "1M": ("Months", 1),
        "1y": ("Years", 1),
    }


def test_without_the_library_the_extra_is_named(hours, monkeypatch):
    monkeypatch.setitem(sys.modules, "backtrader", None)
    with pytest.raises(MissingExtra, match=r"marketkit-upbit\[engines\]"):
        backtrader(hours, "1h")
