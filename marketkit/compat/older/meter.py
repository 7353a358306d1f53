"""Counts of a provider's calls, the source of all figures."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable

from marketkit.compat.older.models import CacheMetrics, PerformanceMetrics

_FAST = ("memory",)
_KEPT = ("feed", "store", "lake", "derived")


class Meter:
    """Calls, symbols by source, times and bytes since the start; safe in any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Begin again."""
        with self._lock:
            self._sources: Counter[str] = Counter()
            self._calls = self._failed = self._bytes = 0
            self._seconds = self._longest = 0.0
            self._shortest = float("inf")

    def count(self, sources: Iterable[str], size: int, seconds: float) -> None:
        """Count a call: the source of each delivered symbol, bytes, and the time taken."""
        delivered = Counter(sources)
        with self._lock:
            self._calls += 1
            self._failed += not delivered
            self._sources += delivered
            self._bytes += size
            self._seconds += seconds
            self._shortest = min(self._shortest, seconds)
            self._longest = max(self._longest, seconds)

    def metrics(self) -> PerformanceMetrics:
        """Give the figures."""
        with self._lock:
            calls, sources = self._calls, Counter(self._sources)
            return PerformanceMetrics(
                total_requests=calls,
                successful_requests=calls - self._failed,
                failed_requests=self._failed,
                avg_response_time_ms=self._seconds / calls * 1000 if calls else 0.0,
                min_response_time_ms=self._shortest * 1000 if calls else 0.0,
                max_response_time_ms=self._longest * 1000,
                cache_metrics=_cache_metrics(sources),
                symbols_per_second=sources.total() / self._seconds if self._seconds else 0.0,
                data_volume_mb=self._bytes / 1e6,
            )


def _cache_metrics(sources: Counter[str]) -> CacheMetrics:
    fast = sum(sources[each] for each in _FAST)
    kept = sum(sources[each] for each in _KEPT)
    asked = sources["rest"]
    return CacheMetrics(fast + kept + asked, fast + kept, asked, fast, kept, asked)
