"""The crew of a backfill, and the site that a worker's process makes for itself."""

from __future__ import annotations

import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial

import pytest

from marketkit.api.crews import crew_of, filler_at
from marketkit.api.provider import AsyncSmartDataProvider
from marketkit.data.fleet.crew import Crew
from marketkit.data.jobs.executor import Executor
from marketkit.data.jobs.tasks import BackfillRequest
from marketkit.errors import InputError

NOWHERE = "http://127.0.0.1:9"
CANDLES = BackfillRequest("upbit", ("KRW-BTC",), "1m", 0, None)
TRADES = BackfillRequest("upbit", ("KRW-BTC",), "trade", 0, None)


@pytest.fixture
def address(tmp_path):
    given = {"endpoint": NOWHERE, "lake": tmp_path / "lake", "address": "127.0.0.1", "settle": 30}
    return AsyncSmartDataProvider(**given).address


def test_without_an_executor_the_lanes_of_this_process_do_it(address):
    assert crew_of(CANDLES, address, None) is Executor
    assert crew_of(TRADES, address, None) is Executor
    with ThreadPoolExecutor(1) as threads:
        made = crew_of(CANDLES, address, threads)
        assert made.func is Crew
        assert made.keywords["pool"] is threads


def test_trades_and_executors_that_fork_are_refused(address):
    with ThreadPoolExecutor(1) as threads, pytest.raises(InputError, match="on= is for candles"):
        crew_of(TRADES, address, threads)
    context = multiprocessing.get_context("fork")
    refused = pytest.raises(InputError, match="spawn")
    with ProcessPoolExecutor(1, mp_context=context) as forking, refused:
        crew_of(CANDLES, address, forking)


def test_a_site_has_the_lake_and_the_exchange_of_the_sender_and_is_made_once(address, tmp_path):
    site = pickle.loads(pickle.dumps(partial(filler_at, address)))  # noqa: S301 - our own
    filler = site()
    assert filler.lake.root == tmp_path / "lake"
    assert filler.transport.endpoint == NOWHERE
    assert filler.settle == 30_000
    assert filler is site()
    assert not filler.lake.root.exists()  # nothing is opened


def test_a_worker_asks_from_its_own_address_or_else_from_the_senders(address, monkeypatch):
    assert filler_at(address).transport.address == "127.0.0.1"
    monkeypatch.setenv("MARKETKIT_ADDRESS", "127.0.0.2")
    assert filler_at(address).transport.address == "127.0.0.2"
