"""A job that leases nothing yet is seen by other processes, and does what they say."""

from __future__ import annotations

import asyncio

import pytest

from marketkit.data.fetch.walks import FetchRun
from marketkit.data.jobs import catalog, presence
from marketkit.data.jobs.ledger import Ledger
from marketkit.data.jobs.presence import present
from marketkit.data.jobs.tasks import BackfillRequest
from marketkit.progress import Progress, Reporter
from tests.waiting import PATIENCE

REQUEST = BackfillRequest("upbit", ("KRW-BTC",), "1m", 0, 600_000)


@pytest.fixture
def run():
    return FetchRun("normal", Reporter(Progress("it"), show=False))


@pytest.fixture
def ledger(tmp_path, monkeypatch):
    monkeypatch.setattr(presence, "_BEAT", 0.01)
    with Ledger(tmp_path) as one:
        yield one


def state(tmp_path):
    return catalog.jobs(tmp_path)["state"].to_list()


def test_it_is_listed_as_running(ledger, run, tmp_path):
    async def main():
        async with present(ledger, REQUEST, run):
            return state(tmp_path)

    assert asyncio.run(main()) == ["running"]


def test_it_pauses_and_goes_on_as_another_process_says(ledger, run, tmp_path):
    async def main():
        async with present(ledger, REQUEST, run):
            ledger.command(REQUEST.id, "pause")
            while run.going.is_set():  # noqa: ASYNC110 - another process sets no event
                await asyncio.sleep(0.01)
            ledger.command(REQUEST.id, None)
            await run.going.wait()

    asyncio.run(asyncio.wait_for(main(), PATIENCE))


def test_it_ends_when_another_process_cancels(ledger, run, tmp_path):
    async def main():
        async with present(ledger, REQUEST, run):
            ledger.command(REQUEST.id, "cancel")
            await asyncio.sleep(30)

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(main())
    assert run.ending == "cancelled"
    assert state(tmp_path) == ["cancelled"]


def test_a_failure_is_on_record(ledger, run, tmp_path):
    async def main():
        async with present(ledger, REQUEST, run):
            raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        asyncio.run(main())
    assert catalog.jobs(tmp_path).row(0, named=True)["state"] == "failed"
