"""Market data of the Upbit exchange as Polars or pandas frames, with a lake as their proof.

The functions here belong to a default `SmartDataProvider`, made on first use; `configure` sets its
frame, time zone and lake once. `schema.describe("candle")` explains the columns of a frame, and
`errors` has everything that is raised. Importing marketkit opens nothing, starts nothing and loads
no dataframe library.
"""

from __future__ import annotations

import importlib
import sys

__version__ = "0.1.0"

_DEFAULT = (
    "backfill",
    "bars",
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
    "premium",
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
    "compare_bars": "data.bars.compare",
    "configure": "api.sync",
    "Span": "coverage",
    "Spans": "coverage",
    "Status": "api.status",
    "Timeframe": "timeframe",
    "read_interruptions": "recording.reader",
    "keep_recording": "recording.keeping",
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
            "UnknownName",
            "UnknownSymbol",
            "UnknownTimeframe",
            "Unreachable",
            "WrongArgument",
        ),
        "errors",
    ),
}
# Modules of calls, loaded when first named.
_MODULES = {"errors": "errors", "plot": "notebook.charts", "schema": "schema", "to": "to"}
# What a person looks for after `mk.`: types are what calls give, and stay importable.
_SHOWN = ("AsyncSmartDataProvider", "SmartDataProvider", "__version__")
# Names of other libraries, and the call of ours.
_ELSEWHERE = {
    "get_ohlcv": "get_candle(symbols, timeframe, count=200)",
    "get_ohlcv_from": "get_candle(symbols, timeframe, start=...)",
    "get_daily_ohlcv_from_base": "get_candle(symbols, '1d', session='12:00 Asia/Seoul')",
    "get_current_price": "get_ticker(symbols)",
    "fetch_ohlcv": "get_candle(symbols, timeframe)",
    "fetch_ticker": "get_ticker(symbols)",
    "fetch_tickers": "get_ticker(symbols)",
    "fetch_order_book": "get_orderbook(symbols)",
    "fetch_trades": "get_trade(symbols)",
    "load_markets": "get_market()",
}

__all__ = sorted(["__version__", *_DEFAULT, *_MODULES, *_NAMES])  # noqa: PLE0605 - a list it is


def __getattr__(name: str) -> object:
    if name in _DEFAULT:
        return getattr(_provider(), name)
    if name in _NAMES:
        return getattr(importlib.import_module(f"marketkit.{_NAMES[name]}"), name)
    if name in _MODULES:
        return importlib.import_module(f"marketkit.{_MODULES[name]}")
    if name in _OLDER:
        return getattr(importlib.import_module("marketkit.api.compat"), name)
    raise _unknown(name)


def __dir__() -> list[str]:
    """List the calls, the providers, and the modules that explain errors and columns."""
    calls = [name for name in _NAMES if name.islower()]
    return sorted([*_SHOWN, *_DEFAULT, *_MODULES, *calls])


def _unknown(name: str) -> AttributeError:
    said = f"module 'marketkit' has no attribute {name!r}"
    if name.startswith("_"):  # a machine asks, not a person
        return AttributeError(said)
    errors = importlib.import_module("marketkit.errors")
    if name in _ELSEWHERE:
        hint = f": write mk.{_ELSEWHERE[name]}"
        hint += "; marketkit.compat.pyupbit has it as pyupbit does" if "ohlcv" in name else ""
    else:
        hint = errors.nearest(name, __all__)
    error: AttributeError = errors.UnknownName(said + hint)
    return error


def _provider() -> object:
    return importlib.import_module("marketkit.api.sync").default_provider()


if "polars" in sys.modules:  # frames that are there already get their methods (`frame.mk`)
    importlib.import_module("marketkit.frames")
