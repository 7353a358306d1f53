"""Every figure of a provider is counted."""

from __future__ import annotations

import pytest

from marketkit.compat.older.meter import Meter


def test_figures_come_from_the_calls_that_were_counted():
    meter = Meter()
    meter.count(["rest", "rest", "memory"], 2_000_000, 0.2)
    meter.count(["lake"], 500_000, 0.1)
    meter.count([], 0, 0.3)
    told = meter.metrics()
    assert (told.total_requests, told.successful_requests, told.failed_requests) == (3, 2, 1)
    assert told.success_rate == pytest.approx(200 / 3)
    assert told.avg_response_time_ms == pytest.approx(200)
    assert told.min_response_time_ms == pytest.approx(100)
    assert told.max_response_time_ms == pytest.approx(300)
    assert told.symbols_per_second == pytest.approx(4 / 0.6)
    assert told.data_volume_mb == 2.5
    cache = told.cache_metrics
    assert (cache.total_requests, cache.cache_hits, cache.cache_misses) == (4, 2, 2)
    assert (cache.fast_cache_hits, cache.memory_cache_hits, cache.smart_router_calls) == (1, 1, 2)
    assert (cache.hit_rate, cache.fast_cache_rate) == (50.0, 25.0)


def test_nothing_was_counted_at_the_start_and_after_a_reset():
    meter = Meter()
    fresh = meter.metrics()
    assert fresh.avg_response_time_ms == fresh.min_response_time_ms == fresh.success_rate == 0.0
    meter.count(["rest"], 1, 0.1)
    meter.reset()
    assert meter.metrics() == fresh
