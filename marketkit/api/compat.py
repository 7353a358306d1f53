"""Names of older programs, each handing its arguments to the call of today.

They belong to the default provider, as the functions of the package do, and warn with the name of
the new call. Nothing here will grow.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from marketkit.api.sync import SmartDataProvider, default_provider
from marketkit.errors import warn


def _older(name: str, method: Callable[..., Any], **fixed: Any) -> Callable[..., Any]:
    """Make a function called `name`: a call of `method` with `fixed` and more arguments."""
    new = method.__name__
    said = ", ".join([new, *(f"{key}={value!r}" for key, value in fixed.items())])

    @functools.wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        warn(f"{name} is deprecated: call {said}", DeprecationWarning)
        return method(default_provider(), *args, **(fixed | kwargs))

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"Call `{new}`, its name today."
    return call


get_candles = _older("get_candles", SmartDataProvider.get_candle)
get_comprehensive_status = _older("get_comprehensive_status", SmartDataProvider.status)
get_continuous_candles = _older(
    "get_continuous_candles", SmartDataProvider.get_candle, fill="forward"
)
get_markets = _older("get_markets", SmartDataProvider.get_market)
get_multiple_tickers = _older("get_multiple_tickers", SmartDataProvider.get_ticker)
get_tickers = _older("get_tickers", SmartDataProvider.get_ticker)
get_trades = _older("get_trades", SmartDataProvider.get_trade)
