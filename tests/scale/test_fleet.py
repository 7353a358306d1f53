"""Plans on processes of this machine: the truth, each page once, and what a kill costs."""

from __future__ import annotations

import multiprocessing
import os
import signal
from concurrent.futures import ProcessPoolExecutor

import polars as pl
import pytest

from marketkit import MarketkitError, NotPicklable
from marketkit.api.sync import SmartDataProvider
from marketkit.data.jobs.tasks import BLOCK
from marketkit.errors import InputError
from marketkit.sandbox import Sandbox
from marketkit.timeframe import MINUTE, iso, parse_time
from tests.scale.fleets import NOW, PATIENCE, age, asked_twice, differences, leases, wait_for

FAST = (10, 0.05)
LIMITS = dict.fromkeys(("market", "candles"), FAST)
SYMBOLS = ["KRW-BTC", "KRW-ETH", "KRW-XRP"]
START, END = parse_time("2026-11-12T00:00Z"), parse_time("2026-11-15T00:00Z")
SPAN = {"start": "2026-11-12", "end": "2026-11-15"}


@pytest.fixture(scope="module")
def _exchange():
    with Sandbox(seed=1, now=NOW, speed=0, limit=FAST) as sandbox:
        yield sandbox


@pytest.fixture
def exchange(_exchange):
    _exchange.set_faults({})
    _exchange.reset_stats()
    return _exchange


@pytest.fixture(scope="module")
def spawned(tmp_path_factory):
    """Two processes of this machine; the tests of this module share them."""
    # Made with the first work, and they keep the environment of that moment.
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


@pytest.fixture(autouse=True)
def _one_budget(tmp_path_factory, monkeypatch, request):
    """Have processes that outlast a test share its budget: the folder is that of the module."""
    folder = tmp_path_factory.getbasetemp() / f"budget-{request.module.__name__}"
    monkeypatch.setenv("MARKETKIT_BUDGET_DIR", str(folder))


@pytest.fixture
def provider(exchange, tmp_path):
    lake = tmp_path / "lake"
    given = {"endpoint": exchange.endpoint, "lake": lake, "limits": LIMITS}
    with SmartDataProvider(**given, timeout=PATIENCE) as one:  # a machine may be busy
        yield one


def heights(rows):
    """Count the rows of each symbol."""
    return rows.group_by("symbol").agg(pl.len(), pl.col("close").sum())


def test_a_plan_on_processes_brings_the_truth_and_asks_for_each_page_once(
    provider, exchange, spawned
):
    plan = provider.plan(SYMBOLS, "1m", **SPAN)
    job = plan.run(on=spawned)
    report = job.wait(PATIENCE)
    counted = exchange.stats()["groups"]["candles"]
    assert report.complete
    assert (report.requests, counted["rejected"]) == (counted["requests"], 0)
    assert report.rows >= report.traded > 3 * 4000
    assert asked_twice(exchange) == 0
    assert differences(provider.lake(), exchange, SYMBOLS, START, END) == 0
    assert job.frame["state"].to_list() == ["done"] * 3
    assert job.frame["requests"].sum() == report.requests
    assert provider.jobs()["state"].to_list() == ["done"]
    assert leases(provider.lake().objects) == {}
    # Once more, nobody is asked for a candle.
    assert plan.run(on=spawned).wait(PATIENCE).requests == 0
    assert provider.lake().audit().is_empty()


def test_a_function_is_called_with_each_symbol_on_processes_as_here(provider, spawned):
    provider.backfill(SYMBOLS, "1m", **SPAN, show=False).wait(PATIENCE)
    lake = provider.lake()
    here = lake.map(heights, "KRW-*", "1m")
    assert here["symbol"].to_list() == SYMBOLS
    assert lake.map(heights, ["KRW-XRP", "KRW-BTC", "KRW-E*"], "1m", on=spawned).equals(here)
    with pytest.raises(NotPicklable, match=r"holding.*<lambda> cannot be pickled"):
        lake.map(holding(multiprocessing.get_context("spawn").Lock()), on=spawned)
    with pytest.raises(ZeroDivisionError) as failed:
        lake.map(failing, "KRW-ETH", on=spawned)
    assert "KRW-ETH" in "".join(failed.value.__notes__)


def holding(lock):
    """Make a function that cannot travel."""
    return lambda rows: rows.filter(lock is not None)


def failing(_):
    return 1 / 0


def test_an_executor_that_forks_is_refused_before_anything_is_sent(provider, exchange):
    plan = provider.plan(SYMBOLS, "1m", **SPAN)
    exchange.reset_stats()
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as forking:
        with pytest.raises(InputError, match="spawn"):
            plan.run(on=forking)
        with pytest.raises(InputError, match="spawn"):
            provider.lake().map(heights, on=forking)
    with pytest.raises(InputError, match="is no concurrent"):
        plan.run(on="tcp://127.0.0.1:8786")
    assert exchange.requests() == []
    assert not provider.lake().root.exists()


@pytest.mark.slow
def test_a_worker_that_is_killed_costs_the_pages_in_its_hands(provider, exchange):
    """The pool of the standard library breaks with it; a new one goes on with the same call."""
    slots = 2 * BLOCK
    start = END - slots * MINUTE
    plan = provider.plan(SYMBOLS[:2], "1m", start=iso(start), end=iso(END))
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        job = plan.run(on=pool)
        wait_for(lambda: len(exchange.requests()) > 40 and leases(provider.lake().objects), "lease")
        (key, dead), *_ = leases(provider.lake().objects).items()
        os.kill(dead, signal.SIGKILL)
        with pytest.raises(MarketkitError, match="with a new one the same call goes on"):
            job.wait(PATIENCE)
        job.join()
    age(provider.lake().root / key, 61)
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert plan.run(on=pool).wait(PATIENCE).complete
    assert (
        asked_twice(exchange) <= 2 * 2 * 10 + 4
    )  # a worker's walks, ten pages each, and on the way
    assert exchange.stats()["groups"]["candles"]["rejected"] == 0
    assert differences(provider.lake(), exchange, SYMBOLS[:2], start, END) == 0
