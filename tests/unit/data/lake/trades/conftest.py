"""Trades to test with."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import polars as pl
import pytest

from marketkit.data.lake.trades.store import TradeStore
from marketkit.schema import SIDE, TIME, TRADE

DAY = 86_400_000
NOON = 1_704_110_400_000  # 2024-01-01T12:00Z
FIRST = NOON - DAY // 2  # the day of that


def make_trades(
    times: Iterable[int],
    ids: Iterable[int | None] | None = None,
    *,
    price: float = 100.0,
    volumes: Iterable[float] | None = None,
    symbol: str = "KRW-BTC",
) -> pl.DataFrame:
    """Make trades at these times, `ids` and volumes numbered from 1 where not given."""
    times = list(times)
    count = range(1, len(times) + 1)
    raw = pl.DataFrame(
        {
            "time": times,
            "volume": list(map(float, count if volumes is None else volumes)),
            "sequential_id": list(count if ids is None else ids),
        },
        {"time": pl.Int64(), "volume": pl.Float64(), "sequential_id": pl.Int64()},
    )
    return raw.with_columns(
        pl.col("time").cast(TIME),
        pl.lit("BID").cast(SIDE).alias("side"),
        symbol=pl.lit(symbol),
        price=pl.lit(price),
        prev_close=pl.lit(90.0),
        change_price=pl.lit(price - 90.0),
    ).select(*TRADE)


def as_archived(rows: pl.DataFrame) -> pl.DataFrame:
    """Make trades what the archive tells of them."""
    return (
        rows.select("time", "price", "volume", "side").with_row_index("seq").cast({"seq": pl.Int64})
    )


@pytest.fixture
def trades(tmp_path: Path) -> TradeStore:
    return TradeStore(tmp_path / "lake")
