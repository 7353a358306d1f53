"""The week of a market is learnt from which of its minutes traded."""

from __future__ import annotations

import math
import random

import polars as pl
import pytest

from marketkit.cache.activity import HOUR, WEEK_HOURS, hourly_rates
from marketkit.coverage import Spans
from marketkit.schema import TIME

MONDAY = 1_794_787_200_000  # 2026-11-16
WEEK = WEEK_HOURS * HOUR


def times(*moments):
    return pl.Series("time", moments, pl.Int64).cast(TIME)


def test_rates_of_random_trades_are_found_hour_by_hour():
    draw = random.Random(3)
    rates = [(1 + hour % 4) / 4 for hour in range(WEEK_HOURS)]  # trades a minute
    minutes = [
        at
        for at in range(MONDAY, MONDAY + 8 * WEEK, 60_000)
        if draw.random() < 1 - math.exp(-rates[(at - MONDAY) // HOUR % WEEK_HOURS])
    ]
    found = hourly_rates(times(*minutes), Spans([(MONDAY, MONDAY + 8 * WEEK)]))
    for hour, rate in enumerate(rates):
        assert found[hour] * 60_000 == pytest.approx(rate, rel=0.35)


def test_an_hour_nobody_asked_about_gets_the_rate_of_the_whole():
    found = hourly_rates(times(MONDAY), Spans([(MONDAY, MONDAY + HOUR)]))
    assert len(set(found)) == 1


def test_nothing_covered_tells_nothing():
    assert hourly_rates(times(), Spans()) is None


def test_neither_silence_nor_trades_in_every_minute_are_beyond_measure():
    silent = hourly_rates(times(), Spans([(MONDAY, MONDAY + WEEK)]))
    every = hourly_rates(
        times(*range(MONDAY, MONDAY + WEEK, 60_000)), Spans([(MONDAY, MONDAY + WEEK)])
    )
    assert all(0 < rate < 1e-3 for rate in (*silent, *every))
    assert min(every) > 100 * max(silent)
