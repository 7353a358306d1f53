"""What works for weeks leaves no cycles: the collector looks at all there is every few minutes."""

from __future__ import annotations

import gc
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from marketkit.api.sync import SmartDataProvider
from marketkit.sandbox import Sandbox
from tests.integration.conftest import FAST, FAST_LIMITS, NOW
from tests.waiting import PATIENCE, wait

SEVERAL = ["KRW-BTC", "KRW-ETH", "KRW-XRP"]
OURS = re.compile(
    r"(marketkit(?!\.sandbox)|httpx|httpcore|_ctypes)\b.*"
)  # the sandbox is in this process
FAULTS = {"500": 0.1, "reset": 0.1, "html": 0.1, "badjson": 0.1, "truncate": 0.1}


@contextmanager
def garbage() -> Iterator[Counter[str]]:
    """Count what is left to the collector at the end of the block, by type."""
    found = Counter[str]()
    gc.collect()
    gc.disable()
    try:
        yield found
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        kinds = (type(each) for each in gc.garbage)
        found.update(
            f"{kind.__module__}.{kind.__name__}"
            for kind in kinds
            if OURS.fullmatch(kind.__module__)
        )
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


@pytest.fixture
def exchange() -> Iterator[Sandbox]:
    """A sandbox of this test alone, whose clock stands still."""
    with Sandbox(seed=1, now=NOW, speed=0, limit=FAST) as sandbox:
        yield sandbox


@pytest.fixture
def provider(exchange, tmp_path) -> Iterator[SmartDataProvider]:
    """A provider of that exchange."""
    lake = tmp_path / "lake"
    with SmartDataProvider(endpoint=exchange.endpoint, lake=lake, limits=FAST_LIMITS) as one:
        yield one


def test_a_job_leaves_nothing_to_the_collector_whatever_the_exchange_answers(provider, exchange):
    provider.backfill(SEVERAL, "1m", start="-2h", show=False).wait()
    exchange.set_faults(FAULTS)
    with garbage() as left:
        report = provider.backfill(SEVERAL, "1m", start="-3d", show=False).wait()
    assert report.requests > 50
    assert sum(exchange.stats()["faults"].values()) > 10
    assert left == {}


def test_streams_leave_nothing_to_the_collector_when_a_connection_breaks(provider, exchange):
    with (
        provider.watch(SEVERAL, "ticker") as feed,
        provider.watch(SEVERAL, "orderbook"),
        provider.live(SEVERAL, "1m", history="1h", show=False),
    ):
        assert feed.wait(PATIENCE)
        with garbage() as left:
            for times in range(1, 4):
                exchange.strike("drop")
                wait(lambda: exchange.advance(10) or len(feed.interruptions) == times)  # noqa: B023
                wait(lambda: feed.interruptions["closed"].null_count() == 0)
    assert left == {}
