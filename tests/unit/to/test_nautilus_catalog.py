"""The words of NautilusTrader for our markets, widths and prices."""

from __future__ import annotations

import sys

import pytest

from marketkit.errors import MissingExtra
from marketkit.timeframe import TIMEFRAMES
from marketkit.to.intake import bars
from marketkit.to.nautilus_catalog import bar_type, decimals, nautilus


def test_every_width_has_a_type_of_bar():
    steps = [bar_type("KRW-BTC", each).split("-")[2:4] for each in TIMEFRAMES.values()]
    assert ["-".join(step) for step in steps] == [
        "1-SECOND", "1-MINUTE", "3-MINUTE", "5-MINUTE", "10-MINUTE", "15-MINUTE", "30-MINUTE",
        "1-HOUR", "4-HOUR", "1-DAY", "1-WEEK", "1-MONTH", "1-YEAR",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("price", "places"), [(178_345_001.0, 1), (100.0, 1), (0.125, 3), (0.00001234, 8)]
)
def test_prices_need_as_many_decimals_as_they_have(make, price, places):
    # The opens are half a unit off, which is one decimal.
    assert decimals(bars(make("KRW-BTC", [0], price))) == places


def test_whole_prices_need_no_decimals(hours):
    assert decimals(bars(hours.with_columns(open="close"))) == 0


def test_without_the_library_the_extra_is_named(hours, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "nautilus_trader.persistence.catalog", None)
    with pytest.raises(MissingExtra, match=r"marketkit-upbit\[nautilus\]"):
        nautilus(hours, "1h", tmp_path)
