"""Names of other libraries and of the older provider, so that programs change one import.

`from marketkit.compat import SmartDataProvider` is the older provider, `from marketkit.compat
import pyupbit` and `ccxt` are their names over marketkit.
"""

from __future__ import annotations

from marketkit.compat.older.models import (
    BatchRequestResult,
    CacheMetrics,
    CandleWithStatus,
    CollectionStatus,
    DataSourceType,
    PerformanceMetrics,
    Priority,
    StreamType,
)
from marketkit.compat.older.provider import AsyncSmartDataProvider, SmartDataProvider
from marketkit.compat.older.response import DataResponse

__all__ = [
    "AsyncSmartDataProvider",
    "BatchRequestResult",
    "CacheMetrics",
    "CandleWithStatus",
    "CollectionStatus",
    "DataResponse",
    "DataSourceType",
    "PerformanceMetrics",
    "Priority",
    "SmartDataProvider",
    "StreamType",
]
