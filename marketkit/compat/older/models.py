"""Words and figures of the older provider: priorities, sources, counts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Any, cast

from marketkit.errors import InputError
from marketkit.exchange.dialect import Priority as Urgency

_SOURCES = {  # where an answer of today comes from, in the older words
    "memory": "cache",
    "store": "cache",
    "feed": "websocket",
    "lake": "database",
    "derived": "database",
    "rest": "rest_api",
}


class Priority(IntEnum):
    """How urgent a call is; in today's calls the same four words."""

    CRITICAL = 1
    HIGH = 2
    NORMAL = 3
    LOW = 4

    @property
    def urgency(self) -> Urgency:
        """The priority of today's calls."""
        return cast("Urgency", self.name.lower())

    @property
    def max_response_time_ms(self) -> int:
        """The latency that the older provider aimed at; nothing is promised."""
        return {1: 50, 2: 100, 3: 500, 4: 5_000}[self]


def priority_of(priority: Priority | str | int) -> Priority:
    """Read a priority, a name or a number. Raises `InputError`."""
    try:
        return Priority[priority.upper()] if isinstance(priority, str) else Priority(priority)
    except (KeyError, ValueError):
        names = ", ".join(f"Priority.{each.name}" for each in Priority)
        raise InputError(f"priority={priority!r}: give one of {names}") from None


class DataSourceType(Enum):
    """Where an answer comes from."""

    WEBSOCKET = "websocket"
    REST_API = "rest_api"
    CACHE = "cache"
    DATABASE = "database"
    HYBRID = "hybrid"
    SIMULATION = "simulation"
    ERROR = "error"


def source_of(sources: Iterable[str]) -> DataSourceType:
    """Name the source of an answer about some symbols; several are `HYBRID`.

    >>> source_of(["lake", "derived"]), source_of(["memory", "rest"])
    (<DataSourceType.DATABASE: 'database'>, <DataSourceType.HYBRID: 'hybrid'>)
    """
    kinds = {_SOURCES[each] for each in sources}
    return DataSourceType(kinds.pop()) if len(kinds) == 1 else DataSourceType.HYBRID


class StreamType(Enum):
    """The kind of data of an answer."""

    TICKER = "ticker"
    ORDERBOOK = "orderbook"
    TRADE = "trade"
    CANDLE_1M = "candle_1m"
    CANDLE_5M = "candle_5m"
    CANDLE_15M = "candle_15m"
    CANDLE_1H = "candle_1h"
    CANDLE_4H = "candle_4h"
    CANDLE_1D = "candle_1d"
    UNKNOWN = "unknown"

    @classmethod
    def _missing_(cls, _: object) -> StreamType:
        """Be `UNKNOWN` for all that the older provider had no word for."""
        return cls.UNKNOWN


class CollectionStatus(Enum):
    """The state of a slot: traded, proved empty, not closed yet, or not to be had."""

    COLLECTED = "COLLECTED"
    EMPTY = "EMPTY"
    PENDING = "PENDING"
    FAILED = "FAILED"


STATES = {
    "closed": CollectionStatus.COLLECTED,
    "empty": CollectionStatus.EMPTY,
    "forming": CollectionStatus.PENDING,
}


class CandleWithStatus(dict[str, Any]):
    """A candle as the exchange writes one, with `is_empty` and `collection_status`.

    Prices, volume and turnover are `Decimal`. Fields are attributes, too; the attribute
    `collection_status` is the `CollectionStatus` of the text in the field.
    """

    @property
    def collection_status(self) -> CollectionStatus:
        """The state of the slot."""
        return CollectionStatus(self["collection_status"])

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


def normal(number: Decimal) -> Decimal:
    """Write a number without the zeros that a column of decimals ends in.

    >>> normal(Decimal("178345000.00000000")), normal(Decimal("0.50000000"))
    (Decimal('178345000'), Decimal('0.5'))
    """
    whole = number.to_integral_value()
    return whole if number == whole else number.normalize()


@dataclass(frozen=True, slots=True)
class CacheMetrics:
    """Delivered symbols, by source.

    `fast_cache_hits` were in memory, `memory_cache_hits` in a feed, a store of answers or the lake;
    for `smart_router_calls` the exchange was asked.
    """

    total_requests: int
    cache_hits: int
    cache_misses: int
    fast_cache_hits: int
    memory_cache_hits: int
    smart_router_calls: int

    @property
    def hit_rate(self) -> float:
        """The share that needed no request, in percent."""
        return percent(self.cache_hits, self.total_requests)

    @property
    def fast_cache_rate(self) -> float:
        """The share that was in memory, in percent."""
        return percent(self.fast_cache_hits, self.total_requests)


@dataclass(frozen=True, slots=True)
class PerformanceMetrics:
    """Counts and durations of calls since the start or `reset_stats`.

    A call is failed when it delivered nothing. `symbols_per_second` were delivered by the time that
    calls took, `data_volume_mb` is the size of what they delivered.
    """

    total_requests: int
    successful_requests: int
    failed_requests: int
    avg_response_time_ms: float
    min_response_time_ms: float
    max_response_time_ms: float
    cache_metrics: CacheMetrics
    symbols_per_second: float
    data_volume_mb: float

    @property
    def success_rate(self) -> float:
        """The share of calls that delivered something, in percent."""
        return percent(self.successful_requests, self.total_requests)


@dataclass(frozen=True, slots=True, repr=False)
class BatchRequestResult:
    """The answer about many symbols, repeats as asked for.

    `symbols_per_second` and `cache_hit_rate` (percent) are of all that was asked for, repeats too.
    `individual_responses` has for each symbol the object, or `{"error": message}`.
    """

    successful_symbols: list[str]
    failed_symbols: list[str]
    total_response_time_ms: float
    symbols_per_second: float
    cache_hit_rate: float
    individual_responses: dict[str, dict[str, Any]]

    def __repr__(self) -> str:
        asked = len(self.successful_symbols) + len(self.failed_symbols)
        return (
            f"BatchRequestResult({len(self.successful_symbols):,} of {asked:,} symbols in"
            f" {self.total_response_time_ms:.1f} ms, {self.symbols_per_second:,.0f}/s)"
        )

    async def _itself(self) -> BatchRequestResult:
        return self

    def __await__(self) -> Any:
        """Be awaited at once: programs of the async time wait for an answer that is there."""
        return self._itself().__await__()


def percent(part: float, whole: float) -> float:
    """Give a share in percent; 0 of nothing."""
    return 100 * part / whole if whole else 0.0
