"""Market data of the Upbit exchange as Polars or pandas frames, with a lake as their proof.

The functions here belong to a default `SmartDataProvider`, made on first use. Importing marketkit
opens nothing, starts nothing and loads no dataframe library.
"""

from __future__ import annotations

import importlib

__version__ = "0.1.0"

_DEFAULT = (
    "backfill",
    "board",
    "doctor",
    "get_candle",
    "get_market",
    "get_orderbook",
    "get_ticker",
    "get_trade",
    "iter_candle",
    "jobs",
    "lake",
    "live",
    "plan",
    "record",
    "status",
    "watch",
    "with_response",
)
# What older programs call; found when asked for, shown nowhere.
_OLDER = frozenset(
    {
        "get_candles",
        "get_comprehensive_status",
        "get_continuous_candles",
        "get_markets",
        "get_multiple_tickers",
        "get_tickers",
        "get_trades",
    }
)
_NAMES = {
    "AsyncSmartDataProvider": "api.provider",
    "DataResponse": "api.response",
    "Feed": "realtime.feed",
    "Job": "data.jobs.job",
    "Lake": "data.lake.lake",
    "Live": "api.live.series",
    "Plan": "data.jobs.plan",
    "Recording": "recording.recording",
    "SmartDataProvider": "api.sync",
    "Span": "coverage",
    "Spans": "coverage",
    "Status": "api.status",
    "Timeframe": "timeframe",
    "read_interruptions": "recording.reader",
    "read_recording": "recording.reader",
    **dict.fromkeys(
        (
            "BadResponse",
            "Banned",
            "CorruptFile",
            "EngineClosed",
            "ExchangeError",
            "FeedOverflow",
            "InputError",
            "InvalidRange",
            "LakeError",
            "LeftOut",
            "MarketkitError",
            "MissingExtra",
            "NetworkError",
            "NewerFormat",
            "NotCovered",
            "NotPicklable",
            "NotWritable",
            "Offline",
            "PartialResult",
            "RateLimited",
            "Refused",
            "ServerFailed",
            "TimedOut",
            "UnknownSymbol",
            "UnknownTimeframe",
            "Unreachable",
        ),
        "errors",
    ),
}

__all__ = sorted(["__version__", *_DEFAULT, *_NAMES])  # noqa: PLE0605 - a list it is


def __getattr__(name: str) -> object:
    if name in _DEFAULT:
        return getattr(_provider(), name)
    if name in _NAMES:
        return getattr(importlib.import_module(f"marketkit.{_NAMES[name]}"), name)
    if name in _OLDER:
        return getattr(importlib.import_module("marketkit.api.compat"), name)
    raise AttributeError(f"module 'marketkit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__


def _provider() -> object:
    return importlib.import_module("marketkit.api.sync").default_provider()
