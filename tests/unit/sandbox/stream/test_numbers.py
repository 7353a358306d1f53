"""Numbers in Java's spellings."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketkit.sandbox.stream.numbers import decimal, double

PRICES = st.floats(0, 1e13, allow_nan=False, allow_subnormal=False)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (116539000.0, "1.16539E8"),
        (1e7, "1.0E7"),
        (9999999.0, "9999999.0"),
        (0.00079276, "7.9276E-4"),
        (0.0005, "5.0E-4"),
        (0.001, "0.001"),
        (2.2403413, "2.2403413"),
        (6.89e-06, "6.89E-6"),
        (1e-06, "1.0E-6"),
        (0.0, "0.0"),
        (-116539000.0, "-1.16539E8"),
    ],
)
def test_a_double_is_spelled_as_java_does(number, text):
    assert double(number) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (127.0, "127.0"),
        (46.48838371, "46.48838371"),
        (1.13e-06, "0.00000113"),
        (1e-06, "0.000001"),
        (9.9e-07, "9.9E-7"),
        (6e-08, "6E-8"),
        (-6e-08, "-6E-8"),
        (0.0, "0.0"),
        (25752275.55420627, "25752275.55420627"),
    ],
)
def test_a_decimal_is_spelled_as_java_does(number, text):
    assert decimal(number) == text


@given(PRICES)
def test_a_spelled_double_is_the_same_number_in_json(number):
    assert json.loads(double(number)) == number
    assert re.fullmatch(r"\d+\.\d+(E-?\d+)?", double(number))


@given(st.integers(0, 10**15).map(lambda units: units / 10**8))
def test_a_spelled_decimal_of_eight_places_is_the_same_number_in_json(number):
    assert json.loads(decimal(number)) == number
