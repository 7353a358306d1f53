"""Candles and lakes to test with."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from marketkit.data.lake import Lake
from marketkit.data.lake.places.bucket import Bucket
from marketkit.data.lake.store.mirror import Mirror
from marketkit.schema import ROW, TIME

Candles = Callable[..., pl.DataFrame]


def make_candles(
    times: Iterable[int], symbol: str = "KRW-BTC", close: float = 100.0, **columns: object
) -> pl.DataFrame:
    """Make candles at these times, flat at `close`; `columns` replaces whole columns."""
    frame = pl.DataFrame({"time": list(times)}, schema={"time": pl.Int64})
    values = {"open": close, "high": close, "low": close, "close": close}
    numbers = {**values, "volume": 1.0, "value": close, **columns}
    return frame.with_columns(
        pl.col("time").cast(TIME),
        pl.lit(symbol).alias("symbol"),
        *(pl.lit(value, dtype=pl.Float64).alias(name) for name, value in numbers.items()),
    ).select(*ROW)


@pytest.fixture
def candles() -> Candles:
    return make_candles


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


@pytest.fixture
def january() -> int:
    """2024-01-01T00:00Z."""
    return int(datetime(2024, 1, 1, tzinfo=UTC).timestamp()) * 1000


@pytest.fixture
def bucket() -> Any:
    """The store of a bucket, in memory."""
    return pytest.importorskip("obstore.store").MemoryStore()


@pytest.fixture
def on_bucket(bucket: Any, tmp_path: Path) -> Callable[..., Lake]:
    """Open the lake in the bucket as one of several machines would, each with its own mirror."""

    def opened(machine: str = "one") -> Lake:
        url = "memory://team/upbit"
        return Lake(Mirror(tmp_path / machine, url, Bucket(url, bucket)))

    return opened
