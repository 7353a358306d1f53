"""A sandbox exchange in this process, its limits and the client's raised together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from marketkit.api.sync import SmartDataProvider
from marketkit.sandbox import Sandbox

NOW = "2026-11-20T00:00:30Z"
FAST = (10, 0.02)
FAST_LIMITS = dict.fromkeys(("market", "candles", "crix-trades", "ticker", "orderbook"), FAST)


@pytest.fixture(scope="session")
def _exchange() -> Iterator[Sandbox]:
    with Sandbox(seed=1, now=NOW, speed=0, limit=FAST) as sandbox:
        yield sandbox


@pytest.fixture
def exchange(_exchange: Sandbox) -> Sandbox:
    """The sandbox with its clock at `NOW`, standing still, nothing wrong and nothing counted."""
    _exchange.set_clock(now=NOW, speed=0)
    _exchange.set_faults({})
    _exchange.set_odd("none")
    _exchange.set_stream(silent=False, break_every=0, opens=True)
    _exchange.reset_stats()
    return _exchange


@pytest.fixture
def provider(exchange: Sandbox, tmp_path: Path) -> Iterator[SmartDataProvider]:
    """A provider of that exchange with an empty lake."""
    lake = tmp_path / "lake"
    with SmartDataProvider(endpoint=exchange.endpoint, lake=lake, limits=FAST_LIMITS) as one:
        yield one
