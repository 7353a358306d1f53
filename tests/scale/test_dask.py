"""Plans on Dask: workers with addresses of their own, one killed, and two who want the same."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from marketkit.api.sync import SmartDataProvider
from marketkit.sandbox import Sandbox
from marketkit.timeframe import parse_time
from tests.scale.fleets import (
    NOW,
    PATIENCE,
    age,
    asked_twice,
    differences,
    leases,
    wait_for,
)

ADDRESSES = ("127.0.0.2", "127.0.0.3", "127.0.0.4")
SYMBOLS = ["KRW-BTC", "KRW-ETH", "KRW-XRP", "KRW-DOGE", "KRW-SOL", "KRW-ADA"]
START, END = parse_time("2026-11-12T00:00Z"), parse_time("2026-11-14T00:00Z")
SPAN = {"start": "2026-11-12", "end": "2026-11-14"}  # 15 pages of each market
IN_HAND = 2 * 2 * 11  # two units of a worker, two walks each, and ten pages that are not written


def has(address: str) -> bool:
    with socket.socket() as trial:
        try:
            trial.bind((address, 0))
        except OSError:
            return False
    return True


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not all(map(has, ADDRESSES)), reason="this system has one address"),
    # Dask's own, at the end of a cluster.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning"),
]


@pytest.fixture(scope="module")
def client():
    """A client of a scheduler in this process."""
    distributed = pytest.importorskip("distributed", reason="pip install 'marketkit-upbit[dask]'")
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address=None, host="127.0.0.1") as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture
def workers(client, tmp_path, monkeypatch):
    """Three `marketkit worker`, each with an address of its own."""
    command = [sys.executable, "-m", "marketkit", "worker", client.scheduler.address]
    running = [
        subprocess.Popen([*command, "--address", address, "--name", address])
        for address in ADDRESSES
    ]
    try:
        client.wait_for_workers(len(ADDRESSES), timeout=PATIENCE)
        yield running
    finally:
        for each in running:
            each.terminate()
        for each in running:
            assert each.wait(PATIENCE) == 130
        wait_for(lambda: not client.nthreads(), "end of the workers")


@pytest.fixture
def exchange():
    with Sandbox(seed=1, now=NOW, speed=0) as sandbox:  # with the exchange's true limits
        yield sandbox


@pytest.fixture
def lake(tmp_path):
    return tmp_path / "lake"


def at(exchange, lake):
    return SmartDataProvider(endpoint=exchange.endpoint, lake=lake)


def test_three_workers_bring_the_truth_each_from_its_own_address_at_its_own_pace(
    client, workers, exchange, lake
):
    with at(exchange, lake) as provider:
        report = provider.plan(SYMBOLS, "1m", **SPAN).run(on=client.get_executor()).wait(PATIENCE)
        assert report.complete
        assert differences(provider.lake(), exchange, SYMBOLS, START, END) == 0
    assert asked_twice(exchange) == 0
    seen = exchange.stats()["addresses"]
    for address in ADDRESSES:
        assert seen[address]["candles"]["requests"] > 0
        assert seen[address]["candles"]["rejected"] == 0
        assert seen[address]["candles"]["worst_1s"] <= 10
    assert "candles" not in seen.get("127.0.0.1", {})  # the client asked for no candle
    assert leases(lake) == {}


def test_a_worker_that_is_killed_costs_the_pages_in_its_hands_and_its_lease_is_taken_over(
    client, workers, exchange, lake
):
    pids = client.run(os.getpid)
    with at(exchange, lake) as provider:
        job = provider.plan(SYMBOLS, "1m", **SPAN).run(on=client.get_executor())
        wait_for(lambda: set(leases(lake).values()) & set(pids.values()), "lease")
        path, dead = next(iter(leases(lake).items()))
        os.kill(dead, signal.SIGKILL)
        age(path, 61)
        for other, holder in leases(lake).items():
            if holder == dead:
                age(other, 61)
        assert job.wait(PATIENCE).complete
        assert differences(provider.lake(), exchange, SYMBOLS, START, END) == 0
    assert asked_twice(exchange) <= IN_HAND
    assert all(
        seen["candles"]["rejected"] == 0
        for seen in exchange.stats()["addresses"].values()
        if "candles" in seen
    )


def test_two_who_submit_one_job_ask_for_each_page_once(client, workers, exchange, lake):
    with at(exchange, lake) as one, at(exchange, lake) as other, ThreadPoolExecutor(2) as both:
        plans = [each.plan(SYMBOLS, "1m", **SPAN) for each in (one, other)]
        jobs = [plan.run(on=client.get_executor()) for plan in plans]
        reports = list(both.map(lambda job: job.wait(PATIENCE), jobs))
        assert all(report.complete for report in reports)
        assert differences(one.lake(), exchange, SYMBOLS, START, END) == 0
    assert asked_twice(exchange) == 0
