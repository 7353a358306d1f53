"""With a backfill that takes all the exchange gives, urgent calls hardly wait."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator

import pytest

from marketkit.api.sync import SmartDataProvider
from marketkit.net.budget.budget import Budget
from tests.integration.conftest import NOW

# The exchange takes ten requests a second: who waits for three of them waits for a quarter of one.
# The seconds are measured by `benchmarks pacing`; here a machine that is busy changes nothing.
AHEAD = 3


@pytest.fixture
def overtaken(monkeypatch) -> list[int]:
    """Count the slots that others get while a critical request waits for its own."""
    found: list[int] = []
    granted = 0
    acquire = Budget.acquire

    async def counted(self, priority="normal"):
        nonlocal granted
        before = granted
        slot = await acquire(self, priority)
        if priority == "critical":
            found.append(granted - before)
        granted += 1
        return slot

    monkeypatch.setattr(Budget, "acquire", counted)
    return found


@pytest.mark.slow
def test_critical_calls_beside_a_saturating_backfill_let_three_requests_go_first(
    tmp_path, overtaken
):
    """At Upbit's own limits; every call is one page."""
    with (
        exchange_of_its_own() as endpoint,
        SmartDataProvider(endpoint=endpoint, lake=tmp_path) as provider,
    ):
        names = provider.get_market(quote="BTC")["symbol"].to_list()[:100]
        job = provider.backfill("KRW-*", "1m", start="2025-01-01", priority="low", show=False)
        while candles(endpoint)["requests"] < 20:
            time.sleep(0.05)
        for name in names:
            provider.get_candle(name, "1m", count=100, source="exchange", priority="critical")
        assert len(overtaken) >= 100  # a wrong clock of this machine is asked about, too
        assert not job.done
        job.cancel()
        job.join()
        assert candles(endpoint)["rejected"] == 0
    assert max(overtaken) <= AHEAD


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
