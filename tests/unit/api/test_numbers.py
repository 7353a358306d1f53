"""Times and limits of a provider are numbers that make sense, or are named."""

from __future__ import annotations

import math

import pytest

from marketkit.api.numbers import check_seconds, read_limits
from marketkit.errors import InputError

GROUPS = ("market", "candles")


def test_a_time_is_a_number_of_seconds():
    check_seconds("settle", 0)
    check_seconds("timeout", 0.5, above_zero=True)


@pytest.mark.parametrize("value", ["5", True, None, -1, math.nan, math.inf, 0, [1]])
def test_what_is_no_time_is_named_with_its_argument(value):
    with pytest.raises(InputError, match=r"^timeout=.* is no time in seconds: .* above 0$"):
        check_seconds("timeout", value, above_zero=True)


def test_limits_are_read_by_group():
    assert read_limits({"candles": [20, 1]}, GROUPS) == {"candles": (20, 1)}
    assert read_limits({}, GROUPS) == {}


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ("candles", "limits='candles'"),
        ({"candle": (10, 1.0)}, "unknown group 'candle'; did you mean 'candles'"),
        ({5: (10, 1.0)}, "unknown group 5"),
        ({"candles": 5}, "'candles' has 5: write such as"),
        ({"candles": (0, 1.0)}, "'candles' has"),
        ({"candles": (10, 0)}, "'candles' has"),
        ({"candles": (True, 1.0)}, "'candles' has"),
        ({"candles": (10, "1s")}, "'candles' has"),
        ({"candles": (10, 1.0, 2)}, "'candles' has"),
    ],
)
def test_what_is_no_limit_is_named(limits, said):
    with pytest.raises(InputError, match=said.replace("(", r"\(")):
        read_limits(limits, GROUPS)
