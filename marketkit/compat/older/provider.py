"""The older provider, sync and async, over the one of today."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self, TypedDict, Unpack

from marketkit.api.provider import AsyncSmartDataProvider as AsyncToday
from marketkit.api.sync import SmartDataProvider as Today
from marketkit.clock import age_clock
from marketkit.compat.older.cache_system import CacheSystem
from marketkit.compat.older.calls import Call, OlderMethods
from marketkit.compat.older.meter import Meter
from marketkit.compat.older.models import BatchRequestResult, CacheMetrics, PerformanceMetrics
from marketkit.compat.older.outcome import Outcome
from marketkit.compat.older.response import DataResponse
from marketkit.compat.older.subscriptions import Heard, Subscriptions, channels
from marketkit.errors import LakeError, MarketkitError
from marketkit.exchange.upbit.rest import batches
from marketkit.settings import library_version

_log = logging.getLogger("marketkit.compat")
_TARGET = 500  # symbols a second, the older provider's aim


class Options(TypedDict, total=False):
    """Arguments of the provider of today, by their names."""

    endpoint: str | None
    region: str | None
    lake: str | Path | None
    limits: Mapping[str, tuple[int, float]] | None
    settle: float
    timeout: float
    offline: bool | None
    address: str | None


class Desk:
    """The part that the sync and the async provider share: figures, cache, subscriptions."""

    def __init__(self, today: Today | AsyncToday, max_workers: int, *, raise_errors: bool) -> None:
        self.max_workers = max_workers
        self.raise_errors = raise_errors
        self.cache_system = CacheSystem()
        self._today = today
        self._meter = Meter()
        self._subscriptions = Subscriptions()
        self._began = age_clock()

    def get_performance_metrics(self) -> PerformanceMetrics:
        """Give the figures of all calls so far."""
        return self._meter.metrics()

    def reset_stats(self) -> None:
        """Begin to count again."""
        self._meter.reset()

    def get_comprehensive_status(self) -> dict[str, Any]:
        """Give the state of everything as a dictionary of dictionaries; asks nobody."""
        told = self._meter.metrics()
        return {
            "system_info": self._system(),
            "performance": {
                "total_requests": told.total_requests,
                "symbols_per_second": told.symbols_per_second,
                "target": _TARGET,
                "target_symbols_per_second": _TARGET,
            },
            "layer_1_api": {
                "request_count": told.total_requests,
                "failed_requests": told.failed_requests,
                "avg_response_time_ms": told.avg_response_time_ms,
                "thread_pool_workers": self.max_workers,
            },
            "layer_2_cache": self._cache(told.cache_metrics),
            "layer_2_realtime": self._subscriptions.stats(),
            "layer_3_data": self._data(),
            # machine's clock: when this machine told it, for people and their logs
            "timestamp": datetime.now(UTC).isoformat(),
        }

    def _system(self) -> dict[str, Any]:
        # Two symbols share a request, and as many as a URL of the exchange has room for.
        one_request = next(iter(batches(["KRW-BTC"] * 1_000)))
        return {
            "version": library_version(),
            "uptime_seconds": (age_clock() - self._began) / 1000,
            "max_workers": self.max_workers,
            "batch_threshold": 2,
            "max_batch_size": len(one_request),
        }

    def _cache(self, told: CacheMetrics) -> dict[str, Any]:
        return {
            "hit_rate": told.hit_rate,
            "fast_cache_rate": told.fast_cache_rate,
            "hits": told.cache_hits,
            "misses": told.cache_misses,
            "cache_system": self.cache_system.get_comprehensive_stats(),
        }

    def _data(self) -> dict[str, Any]:
        lake = self._today.lake()
        try:
            series = lake.catalog()
        except LakeError as error:
            return {"lake": lake.where, "error": str(error)}
        sums = {name: int(series[name].sum()) for name in ("rows", "files", "bytes")}
        return {"lake": lake.where, "series": series.height, **sums}

    def _told(self, outcome: Outcome) -> DataResponse:
        self._count(outcome)
        response = outcome.response()
        return response.raise_for_error() if self.raise_errors else response

    def _told_batch(self, symbols: Sequence[str], outcome: Outcome) -> BatchRequestResult:
        self._count(outcome)
        if self.raise_errors and isinstance(outcome.answer, MarketkitError):
            raise outcome.answer
        return outcome.batch(symbols)

    def _count(self, outcome: Outcome) -> None:
        sources = list(outcome.sources.values())
        if outcome.call.kind == "market":
            sources = sources[:1]  # a list of all markets is one answer
        self._meter.count(sources, outcome.size, outcome.seconds)

    def _failed(self, error: MarketkitError) -> str:
        """Log the reason of no subscription, and give no name, or raise the error."""
        if self.raise_errors:
            raise error
        _log.warning("no subscription: %s", error)
        return ""


class SmartDataProvider(Desk, OlderMethods[DataResponse, BatchRequestResult]):
    """The older provider over marketkit: seven calls, payloads and figures.

    Errors are in `.error` of a response; `raise_errors=True` raises them. `max_workers` is told
    again in the status and limits nothing: many symbols are one request, and requests are paced for
    the whole machine. The options are those of today's provider, which is `.provider`.

    >>> SmartDataProvider(10, lake="somewhere", offline=True).get_ticker("KRW-BTC").success
    False
    """

    def __init__(
        self, max_workers: int = 10, *, raise_errors: bool = False, **options: Unpack[Options]
    ) -> None:
        self.provider = Today(**options)
        super().__init__(self.provider, max_workers, raise_errors=raise_errors)

    def subscribe_realtime_data(
        self,
        symbols: Sequence[str],
        data_types: Sequence[str] | None = None,
        callback: Heard | None = None,
    ) -> str:
        """Have `callback` told of events, as the exchange's objects with their `type`.

        `data_types` are `ticker` (default), `trade`, `orderbook`, `candle_1m` and so on. Gives the
        name of the subscription, which ends with `unsubscribe_realtime_data`; an empty one if there
        is none, and the log says why.
        """
        try:
            feeds = [self.provider.watch(symbols, each) for each in channels(data_types)]
        except MarketkitError as error:
            return self._failed(error)
        return self._subscriptions.add(feeds, callback)

    def unsubscribe_realtime_data(self, subscription_id: str) -> bool:
        """End a subscription; say whether there was one."""
        feeds = self._subscriptions.drop(subscription_id)
        for feed in feeds:
            feed.close()
        return bool(feeds)

    def close(self) -> None:
        """End all subscriptions and close the connections."""
        for feed in self._subscriptions.drop_all():
            feed.close()
        self.provider.close()

    def _answer(self, call: Call) -> DataResponse:
        return self._told(self._ask(call))

    def _batch(self, symbols: Sequence[str], call: Call) -> BatchRequestResult:
        return self._told_batch(symbols, self._ask(call))

    def _ask(self, call: Call) -> Outcome:
        began, payload = time.perf_counter(), None
        try:
            answer = call.ask(self.provider.with_response)
            payload = call.pay(answer.frame)
        except MarketkitError as error:
            answer = error
        return Outcome(call, answer, payload, time.perf_counter() - began)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncSmartDataProvider(
    Desk,
    OlderMethods[Coroutine[Any, Any, DataResponse], Coroutine[Any, Any, BatchRequestResult]],
):
    """The older provider, awaited: the same calls and figures as `SmartDataProvider`."""

    def __init__(
        self, max_workers: int = 10, *, raise_errors: bool = False, **options: Unpack[Options]
    ) -> None:
        self.provider = AsyncToday(**options)
        super().__init__(self.provider, max_workers, raise_errors=raise_errors)

    async def subscribe_realtime_data(
        self,
        symbols: Sequence[str],
        data_types: Sequence[str] | None = None,
        callback: Heard | None = None,
    ) -> str:
        """Have `callback` told of events, as `SmartDataProvider.subscribe_realtime_data` does."""
        try:
            feeds = [await self.provider.watch(symbols, each) for each in channels(data_types)]
        except MarketkitError as error:
            return self._failed(error)
        return self._subscriptions.add(feeds, callback)

    async def unsubscribe_realtime_data(self, subscription_id: str) -> bool:
        """End a subscription; say whether there was one."""
        feeds = self._subscriptions.drop(subscription_id)
        await asyncio.gather(*(feed.aclose() for feed in feeds))
        return bool(feeds)

    async def aclose(self) -> None:
        """End all subscriptions and close the connections."""
        await asyncio.gather(*(feed.aclose() for feed in self._subscriptions.drop_all()))
        await self.provider.aclose()

    async def _answer(self, call: Call) -> DataResponse:
        return self._told(await self._ask(call))

    async def _batch(self, symbols: Sequence[str], call: Call) -> BatchRequestResult:
        return self._told_batch(symbols, await self._ask(call))

    async def _ask(self, call: Call) -> Outcome:
        began, payload = time.perf_counter(), None
        try:
            answer = await call.ask(self.provider.with_response)
            payload = call.pay(answer.frame)
        except MarketkitError as error:
            answer = error
        return Outcome(call, answer, payload, time.perf_counter() - began)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
