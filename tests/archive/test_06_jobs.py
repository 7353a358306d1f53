"""Backfills of trades as jobs: planned, seen and commanded, patient, and killed without loss."""

from __future__ import annotations

import random
import subprocess
import sys
import textwrap
import time

import pytest

import marketkit as mk
from marketkit.data.lake.lake import Lake
from marketkit.net.archive.basket import Basket
from marketkit.sandbox import Sandbox
from marketkit.settings import archive_dir
from marketkit.timeframe import DAY, parse_time
from tests.integration.conftest import FAST, FAST_LIMITS
from tests.waiting import PATIENCE, wait

NOW = parse_time("2025-03-05T00:00:30")
OLD = parse_time("2025-02-24")
THIN = "KRW-MK031"


@pytest.fixture
def exchange(monkeypatch):
    monkeypatch.setenv("MARKETKIT_ARCHIVE_TERMS", "accepted")
    with Sandbox(now=NOW, speed=0, limit=FAST) as running:
        yield running


@pytest.fixture
def provider(exchange, tmp_path):
    lake = tmp_path / "lake"
    with mk.SmartDataProvider(endpoint=exchange.endpoint, lake=lake, limits=FAST_LIMITS) as one:
        yield one


def begin(provider, **more):
    asked = {"start": "2025-02-24", "end": "2025-03-04", "archive": True} | more
    return provider.backfill(THIN, "trade", **asked, show=False)


def test_a_plan_of_trades_is_run_and_then_has_nothing_left(provider):
    plan = provider.plan(THIN, "trade", start="2025-02-24", end="2025-03-04", archive=True)
    assert plan.frame.select("symbol", "slots", "absent", "files").rows() == [(THIN, 8, 0, 8)]
    assert "8 days not known whole" in repr(plan)
    alone = provider.plan(THIN, "trade", start="2025-02-24", end="2025-03-04")
    assert alone.frame.select("slots", "absent").rows() == [(6, 2)]
    assert plan.run().wait(PATIENCE).complete
    again = provider.plan(THIN, "trade", start="2025-02-24", end="2025-03-04", archive=True)
    assert (again.requests, again.frame["slots"].sum()) == (0, 0)


def test_a_job_of_trades_is_listed_with_its_end(provider):
    job = begin(provider)
    assert job.wait(PATIENCE).complete
    told = provider.jobs().row(0, named=True)
    assert (told["job"], told["state"], told["percent"]) == (job.id, "done", 100.0)
    assert f"{THIN} trade" in told["what"]
    part = begin(provider, archive=False)
    assert part.wait(PATIENCE).complete  # the lake has all of it by now


def test_a_job_of_trades_pauses_and_goes_on(exchange, provider):
    exchange.strike("slow", None, path="archive", symbol="zip", value=20_000)
    job = begin(provider)
    wait(lambda: provider.jobs()["state"].to_list() == ["running"])
    job.pause()
    wait(lambda: provider.jobs()["state"].to_list() == ["paused"])
    exchange.strike("none")
    assert not job.done
    job.resume()
    assert job.wait(PATIENCE).complete


def test_a_job_waits_for_an_exchange_that_is_away_and_goes_on(exchange, provider):
    provider.get_ticker("KRW-BTC")  # markets and the time are known
    exchange.strike("500", None, path="trades")
    job = begin(provider, start="2025-03-03", archive=False)
    wait(lambda: job.interruptions.height)
    exchange.strike("none")
    report = job.wait(PATIENCE)
    assert report.complete
    assert provider.lake().trades.covered(THIN).hull == (parse_time("2025-03-03"), OLD + 8 * DAY)


def test_patience_ends(exchange, provider):
    provider.get_ticker("KRW-BTC")
    exchange.strike("500", None, path="trades")
    job = begin(provider, start="2025-03-03", archive=False, patience="1s")
    with pytest.raises(mk.MarketkitError):
        job.wait(PATIENCE)
    assert provider.jobs()["state"].to_list() == ["failed"]


PROGRAM = textwrap.dedent(f"""
    import sys
    from marketkit.api.sync import SmartDataProvider

    mk = SmartDataProvider(endpoint=sys.argv[1], lake=sys.argv[2])
    print("begun", flush=True)
    mk.backfill("{THIN}", "trade", start="2025-02-24", end="2025-03-04", archive=True,
                show=False).wait()
""")


def keys(exchange):
    paths = [each["path"] for each in exchange.requests()]
    return [each.removeprefix("/archive/") for each in paths if each.endswith(".zip")]


@pytest.mark.slow
def test_kills_lose_nothing_and_no_finished_file_is_fetched_again(exchange, provider, tmp_path):
    exchange.strike("slow", None, path="archive", symbol="zip", value=60_000)
    folder, chance = archive_dir(exchange.archive), random.Random(5)
    lake, finished = Lake(tmp_path / "lake"), set[str]()
    for _ in range(6):
        before = len(keys(exchange))
        words = [sys.executable, "-c", PROGRAM, exchange.endpoint, str(lake.root)]
        program = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        program.stdout.readline()
        time.sleep(chance.uniform(0, 1.5))  # the moment of a kill is nobody's to choose
        program.kill()
        program.communicate()
        assert not finished & set(keys(exchange)[before:])
        finished = {*Basket(folder).lying(), *lake.trades.provenance(THIN)["key"]}
    exchange.strike("none")
    before = len(keys(exchange))
    assert begin(provider).wait(PATIENCE).complete
    assert not finished & set(keys(exchange)[before:])
    assert list(folder.rglob("*.zip")) == []
    assert lake.trades.covered(THIN).hull == (OLD, OLD + 8 * DAY)
    rest = provider.get_trade(THIN, start="2025-03-04", end="2025-03-05")
    assert rest.height > 0
    assert set(lake.audit()["finding"]) <= {"litter"}  # of a writer that was killed
