"""With a backfill that takes all the exchange gives, urgent calls hardly wait."""

from __future__ import annotations

import time

import pytest

from marketkit.sandbox import Sandbox
from marketkit.twin import SmartDataProvider
from tests.integration.conftest import NOW


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
        took = []
        for name in names:
            started = time.perf_counter()
            frame = provider.get_candle(
                name, "1m", count=100, source="exchange", priority="critical"
            )
            took.append(time.perf_counter() - started)
            assert frame.height <= 100
        candles = exchange.stats()["groups"]["candles"]
        assert not job.done
        job.cancel()
        job.join()
        assert candles["rejected"] == 0
        assert max(took) <= 0.25
