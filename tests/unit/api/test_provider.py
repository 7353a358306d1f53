"""What making, using and closing a provider does to the machine."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys

import pytest

from marketkit.api.provider import AsyncSmartDataProvider
from marketkit.errors import InputError, Offline, Unreachable
from tests.unit.api.conftest import NOWHERE
from tests.waiting import wait

MADE = """
import sys, threading
from pathlib import Path
from marketkit.api.provider import AsyncSmartDataProvider
provider = AsyncSmartDataProvider(endpoint="http://127.0.0.1:9", lake=sys.argv[1] + "/lake")
provider.lake(), provider.with_response, repr(provider)
print(threading.active_count(), *Path(sys.argv[1]).rglob("*"))
"""


def test_making_one_starts_no_thread_and_writes_nothing(tmp_path, monkeypatch):
    for name in ("BUDGET_DIR", "CACHE"):
        monkeypatch.setenv(f"MARKETKIT_{name}", str(tmp_path / name))
    command = [sys.executable, "-c", MADE, str(tmp_path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["1"]


def test_a_provider_says_where_it_asks_and_what_it_keeps(tmp_path):
    made = AsyncSmartDataProvider(region="sg", lake=tmp_path)
    assert repr(made) == (
        f"AsyncSmartDataProvider(endpoint='https://sg-api.upbit.com', lake={str(tmp_path)!r})"
    )
    with pytest.raises(InputError):
        AsyncSmartDataProvider(region="sg", endpoint=NOWHERE)


def test_limits_are_raised_for_the_groups_that_are_named(tmp_path):
    made = AsyncSmartDataProvider(endpoint=NOWHERE, lake=tmp_path, limits={"candles": (50, 2.0)})
    usual = AsyncSmartDataProvider(endpoint=NOWHERE, lake=tmp_path)
    assert tuple(made._transport.limit("candles")) == (50, 2.0)
    assert made._transport.limit("ticker") == usual._transport.limit("ticker")


def test_offline_is_the_environments_word_or_the_callers(tmp_path, monkeypatch):
    monkeypatch.setenv("MARKETKIT_OFFLINE", "1")
    for offline, error in ((None, Offline), (True, Offline), (False, Unreachable)):
        made = AsyncSmartDataProvider(endpoint=NOWHERE, lake=tmp_path, offline=offline)

        async def call(provider=made):
            async with provider:
                await provider.get_ticker("KRW-BTC")

        with pytest.raises(error):
            asyncio.run(call())


def test_one_can_be_closed_twice_and_before_it_was_used(tmp_path):
    made = AsyncSmartDataProvider(endpoint=NOWHERE, lake=tmp_path)

    async def close():
        await made.aclose()
        await made.aclose()

    asyncio.run(close())


def test_a_plan_of_nonsense_is_refused_when_it_is_awaited(tmp_path):
    made = AsyncSmartDataProvider(endpoint=NOWHERE, lake=tmp_path, offline=True)
    call = made.plan("KRW-BTC", "1m", start="2025-02-01", end="2025-01-01")
    with pytest.raises(InputError, match="not before"):
        asyncio.run(call)


def test_a_provider_that_nobody_holds_lets_go_of_its_connection(exchange, tmp_path):
    made = AsyncSmartDataProvider(endpoint=exchange.endpoint, lake=tmp_path)
    asyncio.run(made.get_market())
    transport = made._transport
    assert transport.is_open
    del made
    gc.collect()
    wait(lambda: not transport.is_open)  # the engine closes it, and tells nobody
