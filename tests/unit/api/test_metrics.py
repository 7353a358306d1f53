"""Deliveries are counted when they come, and the percentiles weigh symbols."""

from __future__ import annotations

import polars as pl

from marketkit.api.metrics import Metrics, delivered, times
from marketkit.api.query import Result
from marketkit.errors import ServerFailed


class Clock:
    """A clock that is set by hand."""

    now = 0

    def __call__(self):
        """Give the time it was set to."""
        return self.now


def result(sources, failed=()):
    return Result(pl.DataFrame(), sources, {symbol: ServerFailed("down") for symbol in failed})


def test_symbols_count_when_they_were_delivered_and_not_when_asked_for():
    clock = Clock()
    metrics = Metrics(clock)
    clock.now = 1_000
    metrics.count("ticker", result({("rest", 900): ["A", "B"], ("memory", 400): ["C"]}), 0.1)
    metrics.count("ticker", result({}, ["D"]), 0.1)
    assert metrics.delivered() == {("ticker", "rest"): 2, ("ticker", "memory"): 1}
    assert metrics.failed() == {"ticker": 1}
    assert metrics.recent()[0].ages == [(100, 2), (600, 1)]


def test_the_pace_is_that_of_the_last_minute():
    clock = Clock()
    metrics = Metrics(clock)
    for clock.now in (0, 30_000, 61_000):
        metrics.count("ticker", result({("memory", 0): ["A"] * 30}), 0.001)
    assert metrics.per_second() == 1.0
    clock.now = 200_000
    assert metrics.per_second() == 0.0


def test_percentiles_of_ages_weigh_symbols_and_those_of_latency_calls():
    clock = Clock()
    metrics = Metrics(clock)
    clock.now = 1_000
    metrics.count("ticker", result({("rest", 1_000): ["A"]}), 0.4)
    metrics.count("ticker", result({("memory", 900): list("BCDEFGHIJ")}), 0.002)
    rows = {row["what"]: row for row in times(metrics.recent()).to_dicts()}
    assert rows["age"]["p50"] == rows["age"]["p99"] == 100.0
    assert (rows["latency"]["p50"], rows["latency"]["p99"]) == (2.0, 400.0)


def test_the_share_of_a_kind_is_null_before_anything_was_delivered():
    metrics = Metrics()
    metrics.count("candle", result({}, ["A"]), 0.1)
    metrics.count("ticker", result({("memory", 0): ["A"], ("rest", 0): ["B"]}), 0.1)
    rows = {row["kind"]: row for row in delivered(metrics).to_dicts()}
    assert (rows["ticker"]["hit_rate"], rows["ticker"]["memory"]) == (0.5, 1)
    assert rows["ticker"]["failed"] == 0
