"""Numbers and times as the wire spells them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketkit.sandbox.spelling import clock, day, fixed, iso, plain


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (103600000.0, "103600000.00000000"),
        (164899503.14206, "164899503.14206000"),
        (0.004, "0.00400000"),
        (9.9e-07, "0.00000099"),
        (0.0, "0.00000000"),
        (-50.5, "-50.50000000"),
        (1e16, "10000000000000000.00000000"),
    ],
)
def test_decimals_are_fixed_at_eight_places(number, text):
    assert fixed(number) == text


@given(st.integers(0, 10**17))
def test_a_decimal_of_eight_places_comes_back_digit_for_digit(units):
    value = Decimal(units).scaleb(-8)
    shortest = Decimal(repr(float(value)))
    expected = shortest.quantize(Decimal(1).scaleb(-8), ROUND_HALF_EVEN)
    assert Decimal(fixed(float(value))) == expected
    assert float(fixed(float(value))) == float(value)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (116233000.0, "116233000"),
        (6.89e-06, "0.00000689"),
        (297.5, "297.5"),
        (0.0, "0"),
        (100.0, "100"),
    ],
)
def test_book_prices_are_plain(number, text):
    assert plain(number) == text


@given(st.integers(0, 4_102_444_800_000))
def test_times_are_spelled_in_utc_without_a_zone(time):
    moment = datetime.fromtimestamp(time // 1000, UTC)
    assert iso(time) == moment.strftime("%Y-%m-%dT%H:%M:%S")
    assert f"{day(time)}T{clock(time)}" == iso(time)
