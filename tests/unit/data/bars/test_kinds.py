"""Kinds of bars are read from the words of a call, and amounts of them without a loss."""

from __future__ import annotations

from decimal import Decimal

import pytest

from marketkit.data.bars.kinds import AmountBars, read_amount, width_of
from marketkit.errors import InputError, UnknownTimeframe

NONE = {"tick": None, "volume": None, "value": None}


@pytest.mark.parametrize("name", ["1m", "1d", "2h", "imbalances"])
def test_a_width_names_no_amount(name):
    assert read_amount(name, **NONE) is None


@pytest.mark.parametrize(
    ("given", "measure", "amount", "units"),
    [
        ({"tick": 1000}, "tick", "1000", 1000),
        ({"tick": 10.0}, "tick", "10", 10),
        ({"volume": 0.1}, "volume", "0.1", 10**7),
        ({"volume": Decimal("0.00000001")}, "volume", "1E-8", 1),
        ({"volume": 1e-9}, "volume", "1E-9", 1),  # finer than any volume: the first one is enough
        ({"value": 1_000_000}, "value", "1000000", 10**22),
        ({"value": 0.3}, "value", "0.3", 3 * 10**15),
    ],
)
def test_an_amount_is_the_shortest_decimal_of_what_was_typed(given, measure, amount, units):
    kind = read_amount(None, **{**NONE, **given})
    assert kind == AmountBars(measure, Decimal(amount))
    assert kind.units == units


def test_imbalance_is_of_an_amount_and_of_a_hundred_trades_where_none_is_given():
    assert read_amount("imbalance", **NONE) == AmountBars("tick", Decimal(100), imbalance=True)
    kind = read_amount("imbalance", **{**NONE, "value": 5})
    assert kind == AmountBars("value", Decimal(5), imbalance=True)


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        (None, {}, "bars of what"),
        ("1m", {"tick": 1}, "'1m' and tick="),
        ("imbalance", {"tick": 1, "volume": 1}, "tick= and volume="),
        (None, {"tick": -1}, "tick=-1: give a number above zero"),
        (None, {"volume": float("inf")}, "volume=inf"),
        (None, {"volume": Decimal("NaN")}, "above zero"),
        (None, {"volume": "1"}, "volume='1'"),
        (None, {"tick": 2.5}, "trades are counted"),
    ],
)
def test_what_is_no_kind_is_refused(name, given, said):
    with pytest.raises(InputError, match=said):
        read_amount(name, **{**NONE, **given})


def test_widths_may_be_made_ones():
    assert (width_of("3d").name, width_of("60m").name) == ("3d", "1h")
    with pytest.raises(UnknownTimeframe, match="2h 6h 8h 12h 3d"):
        width_of("7m")
