"""An exchange whose answers are cached, and a transport to it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from marketkit.cache.store import ResponseStore
from marketkit.exchange.dialect import RateLimit
from marketkit.exchange.upbit.limits import UPBIT
from marketkit.net.transport import Transport
from marketkit.sandbox import Sandbox
from tests.waiting import PATIENCE

NOW = "2026-03-10T12:00:30Z"
FAST = (10, 0.02)
RULES = replace(
    UPBIT,
    limits=dict.fromkeys(UPBIT.limits, RateLimit(*FAST)),
    retry_delay=lambda _failure, _attempt: None,
)


@pytest.fixture(scope="module")
def _exchange():
    with Sandbox(seed=1, now=NOW, speed=0, limit=FAST) as sandbox:
        yield sandbox


@pytest.fixture
def exchange(_exchange):
    """The sandbox with its clock at `NOW`, standing still, no faults and nothing counted."""
    _exchange.set_clock(now=NOW, speed=0)
    _exchange.set_faults({})
    _exchange.reset_stats()
    return _exchange


@pytest.fixture
def store(tmp_path):
    store = ResponseStore(tmp_path / "cache", max_bytes=10_000_000)
    yield store
    store.close()


@pytest.fixture
def run(exchange, tmp_path):
    """Run a coroutine function with a transport to the exchange."""

    def run(main):
        async def inside():
            transport = Transport(
                exchange.endpoint, RULES, timeout=PATIENCE, budget_dir=tmp_path / "budget"
            )
            try:
                return await main(transport)
            finally:
                await transport.close()

        return asyncio.run(inside())

    return run
