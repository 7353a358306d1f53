"""An executor without workers: told of after a while, and no word where anything moves."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future

import pytest

from marketkit.data.fetch.walks import FetchRun
from marketkit.data.fleet.lull import PATIENCE, Lull
from marketkit.data.lake.places.disk import Disk
from marketkit.errors import LakeError
from marketkit.progress import Progress, Reporter

KEY = ".leases/upbit/1min/KRW-BTC/7.json"


class Watched:
    """A lull with a clock of its own."""

    def __init__(self, objects) -> None:
        self.time = 100.0
        self.run = FetchRun("normal", Reporter(Progress("a job"), show=False))
        self.lull = Lull(objects, self.run, lambda: self.time)
        self.future: Future[None] = Future()

    def note(self, after: float = 0.0) -> str:
        """Look after some seconds, and give the note."""
        self.time += after
        asyncio.run(self.lull.look())
        return self.run.reporter.progress.note


@pytest.fixture
def watched(tmp_path):
    return Watched(Disk(tmp_path))


def test_a_unit_that_nobody_takes_is_told_of_after_a_while(watched):
    with watched.lull.waiting(KEY, watched.future):
        assert watched.note(PATIENCE - 1) == ""
        assert watched.note(1) == "no worker has taken a task for 5s: has the executor any?"
        assert watched.note(3600) == "no worker has taken a task for 1h 00m: has the executor any?"
        watched.future.set_running_or_notify_cancel()
        assert watched.note() == ""


def test_the_note_goes_with_the_unit(watched):
    with watched.lull.waiting(KEY, watched.future):
        assert watched.note(PATIENCE)
    assert watched.run.reporter.progress.note == ""
    assert watched.note(PATIENCE) == ""  # nothing is waited for
    with watched.lull.waiting(KEY, watched.future):
        assert watched.note(PATIENCE - 1) == ""  # the time begins anew


def test_a_lease_in_the_lake_tells_that_a_unit_is_taken(watched, tmp_path):
    objects = Disk(tmp_path)
    objects.put(KEY.replace("BTC", "ETH"), b"{}", None)  # of another job
    with watched.lull.waiting(KEY, watched.future):
        assert watched.note(PATIENCE)
        version = objects.put(KEY, b"{}", None)
        assert watched.note(PATIENCE) == ""
        objects.delete(KEY, version)
        assert watched.note(PATIENCE - 1) == ""
        assert watched.note(1)  # and the worker is gone


def test_a_note_of_anybody_else_stays(watched):
    with watched.lull.waiting(KEY, watched.future):
        watched.run.say("waiting for the exchange")
        assert watched.note(PATIENCE) == "waiting for the exchange"
    assert watched.run.reporter.progress.note == "waiting for the exchange"


def test_a_job_that_is_paused_waits_for_nobody(watched):
    with watched.lull.waiting(KEY, watched.future):
        watched.run.pause()
        assert watched.note(3600) == ""
        watched.run.go_on()
        assert watched.note(PATIENCE - 1) == ""


def test_a_lake_that_is_away_is_told_of_by_the_job_alone(tmp_path):
    class Away(Disk):
        def list(self, _prefix):
            raise LakeError("nobody answers")

    watched = Watched(Away(tmp_path))
    with watched.lull.waiting(KEY, watched.future):
        assert watched.note(PATIENCE) == ""
