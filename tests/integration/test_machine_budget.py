"""Several processes of one machine share the limit: the exchange rejects none of them."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from marketkit.sandbox import Sandbox

LIMIT = (10, 0.2)
SECONDS = 3.0
SATURATE = """
import asyncio, dataclasses, json, pathlib, sys, time
from marketkit.exchange.dialect import RateLimit, Request
from marketkit.exchange.upbit.limits import UPBIT
from marketkit.net.transport import Transport

endpoint, directory, requests, period, seconds = json.loads(sys.argv[1])
request = Request("/v1/candles/minutes/1", (("market", "KRW-BTC"), ("count", "1")), "candles")

async def main():
    rules = dataclasses.replace(UPBIT, limits={"candles": RateLimit(requests, period)})
    folder = pathlib.Path(directory)
    transport = Transport(endpoint, rules, timeout=120, budget_dir=folder)
    end = time.monotonic() + seconds

    async def work():
        while time.monotonic() < end:
            await transport.send(request, "low")

    await asyncio.gather(*(work() for _ in range(10)))
    await transport.close()
    print(transport.stats()["candles"].requests)

asyncio.run(main())
"""


async def saturate(exchange: Sandbox, directory: Path) -> int:
    """Send from a process of its own as fast as it may; give how many were sent."""
    task = json.dumps([exchange.endpoint, str(directory), *LIMIT, SECONDS])
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SATURATE, task, stdout=subprocess.PIPE
    )
    out, _ = await process.communicate()
    return int(out)


SLOW = [(window, 2) for window in ("first-call", "sliding", "clock")]
SLOW += [(window, 4) for window in ("first-call", "clock")]


@pytest.mark.parametrize(
    ("window", "processes"),
    [("sliding", 4), *(pytest.param(*each, marks=pytest.mark.slow) for each in SLOW)],
)
def test_saturating_processes_are_never_rejected(window, processes, tmp_path):
    async def main(exchange):
        return await asyncio.gather(*(saturate(exchange, tmp_path) for _ in range(processes)))

    with Sandbox(limit=LIMIT, limit_window=window, latency_ms=5, jitter_ms=2) as exchange:
        sent = asyncio.run(main(exchange))
        seen = exchange.stats()["groups"]["candles"]
    assert seen["rejected"] == 0
    assert seen["worst_1s"] <= LIMIT[0]
    assert seen["requests"] == sum(sent)
    assert min(sent) > 0
