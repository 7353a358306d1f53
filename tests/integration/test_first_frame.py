"""The first frame of a new machine: one silent second for all rate groups, and never a 429."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from marketkit.api.sync import SmartDataProvider
from marketkit.net.budget.state import from_bytes
from marketkit.sandbox import Sandbox
from tests.integration.conftest import NOW

WINDOWS = ("first-call", "sliding", "clock")
PATHS = {
    "market": "/v1/market/all",
    "ticker": "/v1/ticker?markets=KRW-BTC",
    "candles": "/v1/candles/minutes/1?market=KRW-BTC&count=1",
}
FIRST = """
import sys
import marketkit as mk

call, symbol = sys.argv[1:]
frame = mk.get_ticker(symbol) if call == "ticker" else mk.get_candle(symbol, "1m", count=5)
print(frame.height)
"""
# Knows nothing of budgets, as a tool of another maker, and has spent every group when it ends.
SPEND = """
import http.client, sys

host, *paths = sys.argv[1:]
connection = http.client.HTTPConnection(host)
for path in paths:
    for _ in range(10):
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, (path, answer.status)
"""


@pytest.fixture
def start(tmp_path) -> Callable[..., subprocess.Popen[str]]:
    """Start a process of a new machine that asks an exchange for a first frame."""

    def start(exchange: Sandbox, call: str, symbol: str = "KRW-BTC") -> subprocess.Popen[str]:
        own = {"MARKETKIT_ENDPOINT": exchange.endpoint, "MARKETKIT_BUDGET_DIR": str(tmp_path / "b")}
        command = [sys.executable, "-c", FIRST, call, symbol]
        return subprocess.Popen(
            command, env={**os.environ, **own}, stdout=subprocess.PIPE, text=True
        )

    return start


def rows(process: subprocess.Popen[str]) -> int:
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return int(out)


def counted(exchange: Sandbox, what: str) -> int:
    return sum(group[what] for group in exchange.stats()["groups"].values())


def arrivals(exchange: Sandbox) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for each in exchange.requests():
        found.setdefault(each["group"], []).append(each["arrival"])
    return found


def test_a_call_that_needs_two_groups_waits_for_the_unknown_past_once(start, tmp_path):
    with Sandbox(seed=1, now=NOW, speed=0) as exchange:
        assert rows(start(exchange, "candle")) == 5
        assert counted(exchange, "requests") == 2
        assert counted(exchange, "rejected") == 0
    silent_until = [
        state.hold_until
        for path in (tmp_path / "b").glob("*_*-[mc]*.bin")
        if (state := from_bytes(path.read_bytes(), 10)) is not None and state.last_sent
    ]
    assert len(silent_until) == 2
    assert max(silent_until) - min(silent_until) < 0.5  # one after the other it is over a second


@pytest.mark.parametrize("call", ["ticker", "candle"])
@pytest.mark.parametrize("window", WINDOWS)
def test_another_tool_that_spent_the_second_before_costs_no_rejection(start, window, call):
    with Sandbox(seed=1, now=NOW, speed=0, limit_window=window) as exchange:
        host = exchange.endpoint.removeprefix("http://")
        subprocess.run([sys.executable, "-c", SPEND, host, *PATHS.values()], check=True)
        assert counted(exchange, "requests") == 30
        assert rows(start(exchange, call)) > 0
        assert counted(exchange, "rejected") == 0


def test_many_processes_that_begin_together_on_a_new_machine_are_never_rejected(start):
    with Sandbox(seed=1, now=NOW, speed=0, limit_window="sliding") as exchange:
        calls = [("candle", "KRW-BTC"), ("ticker", "KRW-ETH"), ("candle", "KRW-XRP")] * 2
        running = [start(exchange, *each) for each in calls]
        assert all(rows(process) > 0 for process in running)
        assert counted(exchange, "rejected") == 0
        assert max(group["worst_1s"] for group in exchange.stats()["groups"].values()) <= 10


def test_the_second_is_counted_from_the_first_request_and_not_from_each_group(tmp_path):
    with (
        Sandbox(seed=1, now=NOW, speed=0) as exchange,
        SmartDataProvider(endpoint=exchange.endpoint, lake=tmp_path / "lake") as provider,
    ):
        provider.get_market()
        provider.get_candle("KRW-BTC", "1h", count=3)
        provider.get_orderbook("KRW-BTC")
        provider.get_trade("KRW-BTC")
        came = arrivals(exchange)
        groups = provider.status().requests
    assert set(came) == {"market", "candles", "orderbook", "crix-trades"}
    assert max(map(max, came.values())) - came["market"][0] < 2.5  # a second each makes three
    assert groups["rejected"].sum() == 0


def test_a_frame_of_the_lake_loads_nothing_that_sends_or_writes(exchange, tmp_path):
    lake = tmp_path / "lake"
    with provider_of(exchange, lake) as provider:
        provider.get_candle("KRW-BTC", "1h", start="2026-11-01", end="2026-11-02")
    code = f"""
import sys
import marketkit as mk
provider = mk.SmartDataProvider(endpoint={exchange.endpoint!r}, lake={str(lake)!r})
day = dict(start="2026-11-01", end="2026-11-02")
assert provider.get_candle("KRW-BTC", "1h", source="lake", **day).height
assert not {{"httpx", "pyarrow", "numpy", "pandas", "websockets"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def list_of(lake: Path) -> list[str]:
    return sorted(path.name for path in (lake / "markets/source=upbit").glob("*.parquet"))


def provider_of(exchange: Sandbox, lake: Path) -> SmartDataProvider:
    return SmartDataProvider(endpoint=exchange.endpoint, lake=lake)


def test_a_list_of_a_day_without_a_lake_is_there_when_the_lake_is(exchange, tmp_path):
    lake = tmp_path / "lake"
    with provider_of(exchange, lake) as provider:
        provider.get_ticker("KRW-BTC")
    assert not lake.exists()
    exchange.set_clock(now="2026-11-21T09:00:30Z")
    with provider_of(exchange, lake) as provider:
        assert provider.get_market(as_of="2026-11-20").height == 855  # nobody is asked for it
        assert not lake.exists()
        provider.get_candle("KRW-BTC", "1h", count=3)
    assert list_of(lake) == ["2026-11-20.parquet", "2026-11-21.parquet"]


def test_a_list_that_was_just_fetched_for_another_call_is_the_list_of_its_day(exchange, tmp_path):
    with provider_of(exchange, tmp_path / "lake") as provider:
        provider.get_ticker("KRW-BTC")
        assert provider.get_market("USDT", as_of="2026-11-20").height > 100
        assert not (tmp_path / "lake").exists()
        assert [each["group"] for each in exchange.requests()].count("market") == 1


def test_the_call_that_makes_the_lake_brings_the_list_of_its_day(exchange, tmp_path):
    lake = tmp_path / "lake"
    with provider_of(exchange, lake) as provider:
        provider.get_candle("KRW-BTC", "1h", count=3)
    assert list_of(lake) == ["2026-11-20.parquet"]
