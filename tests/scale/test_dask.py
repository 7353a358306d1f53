"""Plans on Dask: workers with addresses of their own, one killed, and two who want the same."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from functools import partial

import pytest

from marketkit.api.sync import SmartDataProvider
from marketkit.data.fleet import crew as crews
from marketkit.data.lake.places.disk import Disk
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
        distributed.LocalCluster(n_workers=0, dashboard_address=":0", host="127.0.0.1") as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def running(client, request, tmp_path_factory):
    """Three `marketkit worker`, each with an address of its own; the tests share them."""
    base = tmp_path_factory.mktemp("workers")
    own = {
        f"MARKETKIT_{name.upper()}": str(base / name) for name in ("budget_dir", "cache", "lake")
    }
    with suppress(pytest.skip.Exception):  # without the store there is a folder
        own |= request.getfixturevalue("ceph").variables()
    command = [sys.executable, "-m", "marketkit", "worker", client.scheduler.address]
    environment = {**os.environ, **own}
    started = [
        subprocess.Popen([*command, "--address", each, "--name", each], env=environment)
        for each in ADDRESSES
    ]
    try:
        yield
    finally:
        for each in started:
            each.terminate()
        assert [each.wait(PATIENCE) for each in started] == [130] * len(ADDRESSES)


@pytest.fixture
def workers(client, running):
    """The workers, all three of them: one that was killed has begun again."""
    client.wait_for_workers(len(ADDRESSES), timeout=PATIENCE)


@pytest.fixture
def exchange():
    with Sandbox(seed=1, now=NOW, speed=0) as sandbox:  # with the exchange's true limits
        yield sandbox


@pytest.fixture(params=["folder", "ceph"])
def lake(request, tmp_path):
    """A lake that all workers share: a folder, or a bucket of a real store."""
    if request.param == "folder":
        return str(tmp_path / "lake")
    return request.getfixturevalue("ceph_url")


def at(exchange, lake):
    # A request that is given up on a busy machine, and asked once more, is no page asked twice.
    return SmartDataProvider(endpoint=exchange.endpoint, lake=lake, timeout=PATIENCE)


def rejected(exchange):
    """Count the requests that the exchange refused, by address."""
    seen = exchange.stats()["addresses"].items()
    return {at: groups["candles"]["rejected"] for at, groups in seen}


def test_three_workers_bring_the_truth_each_from_its_own_address_at_its_own_pace(
    client, workers, exchange, lake
):
    with at(exchange, lake) as provider:
        report = provider.plan(SYMBOLS, "1m", **SPAN).run(on=client.get_executor()).wait(PATIENCE)
        assert report.complete
        assert differences(provider.lake(), exchange, SYMBOLS, START, END) == 0
        assert leases(provider.lake().objects) == {}
    assert asked_twice(exchange) == 0
    seen = exchange.stats()["addresses"]
    for address in ADDRESSES:
        assert seen[address]["candles"]["requests"] > 0
        assert seen[address]["candles"]["rejected"] == 0
        assert seen[address]["candles"]["worst_1s"] <= 10
    assert seen["127.0.0.1"]["candles"]["requests"] == 0  # the client asked for no candle


def test_a_worker_that_is_killed_costs_the_pages_in_its_hands_and_its_lease_is_taken_over(
    client, workers, exchange, lake, monkeypatch
):
    # Of a bucket nobody can set the clock; a busy machine must still renew in time.
    monkeypatch.setattr(crews, "crew", partial(crews.crew, lasts=15.0))
    pids = set(client.run(os.getpid).values())
    with at(exchange, lake) as provider:
        job = provider.plan(SYMBOLS, "1m", **SPAN).run(on=client.get_executor())
        place = provider.lake().objects
        wait_for(lambda: pids & set(leases(place).values()), "lease")
        (key, dead), *_ = leases(place).items()
        os.kill(dead, signal.SIGKILL)
        if isinstance(place, Disk):
            age(place.root / key, 16)
        assert job.wait(PATIENCE).complete
        assert differences(provider.lake(), exchange, SYMBOLS, START, END) == 0
        assert key not in leases(place)
    assert asked_twice(exchange) <= IN_HAND
    assert not any(rejected(exchange).values())


def test_two_machines_that_submit_one_job_ask_for_each_page_once(
    client, workers, exchange, ceph_url, tmp_path, monkeypatch
):
    """The ledger is that of a machine: here each has its own, and the leases alone are shared."""
    with at(exchange, ceph_url) as one:
        monkeypatch.setenv("MARKETKIT_CACHE", str(tmp_path / "another machine"))
        with at(exchange, ceph_url) as other:
            assert one.lake().local != other.lake().local
            plans = [each.plan(SYMBOLS, "1m", **SPAN) for each in (one, other)]
            jobs = [plan.run(on=client.get_executor()) for plan in plans]
            assert all(job.wait(PATIENCE).complete for job in jobs)
            assert differences(other.lake(), exchange, SYMBOLS, START, END) == 0
    assert asked_twice(exchange) == 0
    assert not any(rejected(exchange).values())
