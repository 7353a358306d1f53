"""An exchange to fetch from, and a lake to fill."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from marketkit.data.fetch.gaps import GapFiller
from marketkit.data.fetch.walks import FetchRun
from marketkit.data.lake import Lake
from marketkit.exchange.dialect import RateLimit
from marketkit.exchange.upbit.limits import UPBIT
from marketkit.net.transport import Transport
from marketkit.progress import Progress, Reporter
from marketkit.sandbox import Sandbox
from tests.waiting import PATIENCE

NOW = "2026-03-10T12:00:30Z"
FAST = (10, 0.02)
RULES = replace(UPBIT, limits=dict.fromkeys(UPBIT.limits, RateLimit(*FAST)))


@pytest.fixture(scope="package")
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
def fetch(exchange, tmp_path):
    """Run a coroutine function with a filler of a lake from the exchange, and a run to count in."""

    def fetch(main, rules=RULES):
        async def inside():
            transport = Transport(
                exchange.endpoint, rules, timeout=PATIENCE, budget_dir=tmp_path / "budget"
            )
            filler = GapFiller(Lake(tmp_path / "lake"), transport, settle=60_000)
            try:
                return await main(filler, FetchRun("normal", Reporter(Progress("it"), show=False)))
            finally:
                await transport.close()

        return asyncio.run(asyncio.wait_for(inside(), 60))

    return fetch
