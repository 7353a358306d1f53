"""Candles that charts are drawn of."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from marketkit.schema import CANDLE

START = int(datetime(2026, 3, 1, tzinfo=UTC).timestamp() * 1000)
MINUTE = 60_000


def minutes(count: int, *, symbol: str = "KRW-BTC", first: int = 0, base: float = 100e6):
    """Make candles a minute apart that rise and fall by whole thousands."""
    rows = []
    for number in range(first, first + count):
        opened = base + 1000 * (number * 7 % 13)
        closed = base + 1000 * ((number + 1) * 7 % 13)
        high, low = max(opened, closed) + 2000, min(opened, closed) - 3000
        volume = 1.0 + number % 5
        time = START + number * MINUTE
        rows.append((symbol, time, opened, high, low, closed, volume, volume * closed, "closed"))
    raw = {**CANDLE, "time": pl.Int64(), "state": pl.String()}
    return pl.DataFrame(rows, raw, orient="row").cast(pl.Schema(CANDLE))


@pytest.fixture
def hour():
    """An hour of candles."""
    return minutes(60)


@pytest.fixture
def week():
    """A week of candles: more than a screen shows apart."""
    return minutes(7 * 1440)
