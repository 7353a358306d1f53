"""Of every float the decimal is the shortest that means it."""

from __future__ import annotations

from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketkit.data.lake.read.decimals import decimal_of, in_precision, to_decimals, with_decimals
from marketkit.errors import InputError
from marketkit.schema import ROW, empty, exact
from tests.unit.data.lake.conftest import make_candles


@given(st.integers(0, 10**15 - 1), st.integers(0, 8))
def test_fifteen_digits_come_back_as_they_were_written(digits, places):
    written = Decimal(digits).scaleb(-places)
    rows = pl.DataFrame({"value": [float(written)]})
    assert to_decimals(rows)["value"].to_list() == [written]


def test_only_floats_are_touched_also_in_a_plan(january):
    rows = make_candles([january], value=None)
    assert dict(with_decimals(rows).schema) == dict(exact(ROW))
    assert with_decimals(rows)["value"].to_list() == [None]
    assert to_decimals(rows.lazy()).collect().equals(with_decimals(rows))
    assert dict(with_decimals(empty(ROW)).schema) == dict(exact(ROW))


def test_more_places_than_eight_are_rounded(january):
    rows = make_candles([january], value=0.1 + 0.2, volume=1.6e-8)
    assert with_decimals(rows).select("value", "volume").row(0) == (Decimal("0.3"), Decimal("2E-8"))


def test_what_has_no_room_is_named(january):
    with pytest.raises(InputError, match=r"2e\+30 is too large"):
        with_decimals(make_candles([january], volume=2e30))


def test_floats_stay_floats_where_they_are_wanted(january):
    rows = make_candles([january])
    assert in_precision(rows, "float") is rows
    assert in_precision(rows, "decimal").equals(with_decimals(rows))


def test_one_float_is_written_as_in_a_column():
    assert decimal_of(90881250.87541) == Decimal("90881250.87541")
    assert decimal_of(None) is None
