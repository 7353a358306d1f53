"""With a backfill that takes all the exchange gives, urgent calls hardly wait."""

from __future__ import annotations

import statistics
import time

import pytest

from marketkit.sandbox import Sandbox
from marketkit.twin import SmartDataProvider
from tests.integration.conftest import NOW

ROUNDS = 3  # other work on this machine can only lengthen a wait: one quiet round is the proof


@pytest.mark.slow
def test_a_hundred_critical_calls_beside_a_saturating_backfill_wait_250_ms_at_most(tmp_path):
    """At Upbit's own limits; every call is one page, so its time is the wait and one round trip."""
    with (
        Sandbox(seed=1, now=NOW, speed=0) as exchange,
        SmartDataProvider(endpoint=exchange.endpoint, lake=tmp_path) as provider,
    ):
        names = provider.get_market(quote="BTC")["symbol"].to_list()[:100]
        job = provider.backfill("KRW-*", "1m", start="2025-01-01", priority="low", show=False)
        while exchange.stats()["groups"]["candles"]["requests"] < 20:
            time.sleep(0.05)
        longest = []
        while len(longest) < ROUNDS and not any(each <= 0.25 for each in longest):
            took = [timed(provider, name, count=100 + len(longest)) for name in names]
            assert statistics.median(took) <= 0.25
            longest.append(max(took))
        assert not job.done
        job.cancel()
        job.join()
        assert exchange.stats()["groups"]["candles"]["rejected"] == 0
        assert min(longest) <= 0.25


def timed(provider, name, count) -> float:
    """Give the seconds of one critical call."""
    started = time.perf_counter()
    provider.get_candle(name, "1m", count=count, source="exchange", priority="critical")
    return time.perf_counter() - started
