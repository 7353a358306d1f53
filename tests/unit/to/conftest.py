"""Candles for adapters: a few hours of two markets, one of which did not trade in every hour."""

from __future__ import annotations

import polars as pl
import pytest

from marketkit.schema import CANDLE
from marketkit.timeframe import HOUR, parse_time

DAY = parse_time("2026-03-01")


def candles(symbol: str, hours: list[int], price: float = 100.0, state: str = "closed"):
    """Give candles of some hours after `DAY`; each price is one of its own."""
    closes = [price + hour for hour in hours]
    return pl.DataFrame(
        {
            "symbol": [symbol] * len(hours),
            "time": [DAY + hour * HOUR for hour in hours],
            "open": [close - 0.5 for close in closes],
            "high": [close + 1.0 for close in closes],
            "low": [close - 1.0 for close in closes],
            "close": closes,
            "volume": [1.25] * len(hours),
            "value": [close * 1.25 for close in closes],
            "state": [state] * len(hours),
        },
        schema=dict(CANDLE),
    )


@pytest.fixture
def make():
    return candles


@pytest.fixture
def hours():
    """Hours 0 to 5 of KRW-BTC."""
    return candles("KRW-BTC", [0, 1, 2, 3, 4, 5])


@pytest.fixture
def two(hours):
    """As `hours`, and KRW-DOGE, which did not trade in the hours 2 and 3."""
    return pl.concat([hours, candles("KRW-DOGE", [0, 1, 4, 5], 0.125)])
