"""The price of a made-up market by day."""

from __future__ import annotations

from itertools import pairwise

import pytest

from marketkit.sandbox.noise import SWING, PriceNoise
from marketkit.sandbox.ticks import Tick

DAYS = range(20_000, 20_400)


@pytest.mark.parametrize("wildness", [0.03, 1.0, 1.4])
def test_a_day_lies_within_its_swing_and_opens_where_the_last_one_closed(wildness):
    market = PriceNoise(7, "KRW", 150e6, wildness)
    days = [market.day(day, day * 0x9E37_79B9) for day in DAYS]
    for day, following in pairwise(days):
        assert day.close * day.tick.num == pytest.approx(
            following.open * following.tick.num, abs=max(day.tick.num, following.tick.num)
        )
        top, bottom = max(day.open, day.close), min(day.open, day.close)
        assert top - 1 <= day.high <= top * (1 + SWING * wildness) + 1
        assert bottom + 1 >= day.low >= bottom * (1 - SWING * wildness) - 1


def test_long_waves_are_higher_than_short_ones():
    market = PriceNoise(11, "KRW", 1_000.0, 1.0)
    prices = [market.day(day, 0) for day in DAYS]
    values = [day.open * day.tick.num / day.tick.den for day in prices]
    steps = [abs(after / here - 1) for here, after in pairwise(values)]
    assert max(values) / min(values) > 1.1
    assert max(steps) < 0.2


def test_a_price_below_the_finest_step_is_one_step():
    day = PriceNoise(3, "BTC", 1e-10, 1.0).day(20_000, 0)
    assert (day.open, day.high, day.low, day.close) == (1, 1, 1, 1)
    assert day.tick == Tick(1, 100_000_000)
