"""Chunks of candles, as the lake writes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.tier import tier
from tests.waiting import PATIENCE

MINUTE = 60_000


@pytest.fixture(autouse=True)
def idle():
    """No image is made that tests before have asked for."""
    assert tier.wait(PATIENCE)


@pytest.fixture
def chunk(lake: Lake, candles, january) -> Path:
    """A chunk of a hundred minutes."""
    times = range(january, january + 100 * MINUTE, MINUTE)
    lake.append("KRW-BTC", "1m", candles(times), Spans([(times.start, times.stop)]))
    (path,) = lake.root.glob("candles/*/*/*/*.parquet")
    return path
