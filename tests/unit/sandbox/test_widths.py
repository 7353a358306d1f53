"""The thirteen widths."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketkit.sandbox.control import moment
from marketkit.sandbox.files import starts_of
from marketkit.sandbox.widths import WIDTHS, width_named

TIMES = st.integers(moment("2010-01-01"), moment("2035-01-01"))


@given(TIMES, st.sampled_from(list(WIDTHS.values())))
def test_every_moment_lies_in_exactly_one_candle(time, width):
    start = width.floor(time)
    assert start <= time < width.end(start)
    assert width.floor(width.end(start)) == width.end(start)
    assert width.floor(width.end(start) - 1) == start


@given(st.lists(TIMES, min_size=1, max_size=20), st.sampled_from(list(WIDTHS.values())))
def test_the_starts_are_those_polars_truncates_to(times, width):
    assert starts_of(pl.Series(times), width).to_list() == [width.floor(time) for time in times]


@pytest.mark.parametrize(
    ("name", "time", "start"),
    [
        ("4h", "2025-09-03T07:59:59", "2025-09-03T04:00:00"),
        ("1d", "2025-09-03T23:59:59", "2025-09-03"),
        ("1w", "2025-09-07T23:59:59", "2025-09-01"),  # weeks start on Monday
        ("1M", "2024-02-29T12:00:00", "2024-02-01"),
        ("1y", "2024-12-31T23:59:59", "2024-01-01"),
    ],
)
def test_candles_start_where_the_exchange_starts_them(name, time, start):
    assert WIDTHS[name].floor(moment(time)) == moment(start)


def test_users_and_lakes_may_spell_widths_their_way():
    assert width_named("60m") is WIDTHS["1h"]
    assert width_named("1min") is WIDTHS["1m"]
    assert width_named("1mo") is WIDTHS["1M"]
    assert width_named("2m") is None
