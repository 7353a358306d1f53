"""The handle of a job: its end in every way, without an exchange."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from marketkit.data.fetch.walks import FetchRun
from marketkit.data.jobs.job import Job
from marketkit.data.jobs.tasks import BackfillRequest
from marketkit.errors import ServerFailed
from marketkit.net.engine import engine
from marketkit.net.handle import Interruption
from marketkit.progress import Progress, Reporter
from tests.waiting import PATIENCE

WANTED = BackfillRequest("upbit", ("KRW-BTC",), "1m", 0, None)
REPORT: Any = SimpleNamespace(complete=True)


class Backfill:
    """Work that goes on until a test lets it end, and takes a moment to put down its pages."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.begun = threading.Event()
        self.written = False
        self.go = asyncio.Event()

    async def work(self) -> Any:
        """Do it."""
        self.begun.set()
        try:
            await self.go.wait()
        finally:
            await asyncio.sleep(0.02)
            self.written = True
        if self.failure is not None:
            raise self.failure
        return REPORT

    def end(self) -> None:
        """Let it come to its end."""

        async def there() -> None:
            self.go.set()

        engine().run(there())


@pytest.fixture
def run() -> FetchRun:
    """A run that nobody watches."""
    return FetchRun("normal", Reporter(Progress(WANTED.label), show=False))


def begin(run, root, backfill) -> Job:
    job = Job(WANTED, root, run, backfill.work)
    assert backfill.begun.wait(PATIENCE)
    return job


def test_a_job_that_comes_to_its_end_is_closed_and_has_no_failure(run, tmp_path):
    backfill = Backfill()
    job = begin(run, tmp_path, backfill)
    assert not job.closed
    assert not job.done
    backfill.end()
    assert job.wait() is REPORT
    job.join()
    assert job.closed
    assert job.failure is None
    assert job.progress.state == "done"


def test_a_job_shows_how_it_stands_and_the_first_that_failed(run, tmp_path):
    backfill = Backfill()
    job = begin(run, tmp_path, backfill)
    job.progress.total, job.progress.done = 40, 10
    run.failures.update({f"KRW-A{n}": ServerFailed("<down>") for n in range(12)})
    shown = job._repr_html_()
    assert f"Job {job.id}: running" in shown
    assert "value='0.2500'" in shown
    assert "10 of 40 known" in shown
    assert "2 more failed" in shown
    assert "&lt;down&gt;" in shown
    assert "KRW-A10" not in shown
    assert repr(job).splitlines()[-1] == "  2 more failed"
    job.close()


def test_close_returns_when_the_pages_in_hand_are_written(run, tmp_path):
    backfill = Backfill()
    job = begin(run, tmp_path, backfill)
    job.close()
    assert backfill.written
    assert job.closed
    assert job.failure is None
    assert "stopped" in repr(job)
    job.close()


def test_a_job_that_is_closed_before_it_began_is_closed(run, tmp_path):
    for _ in range(50):
        backfill = Backfill()
        Job(WANTED, tmp_path, run, backfill.work).close()
        assert backfill.written == backfill.begun.is_set()


def test_a_failure_is_kept_raised_by_wait_and_shown(run, tmp_path):
    backfill = Backfill(ServerFailed("maintenance"))
    job = begin(run, tmp_path, backfill)
    backfill.end()
    with pytest.raises(ServerFailed):
        job.wait()
    job.close()
    assert job.failure is backfill.failure
    assert "failed: maintenance" in repr(job)


def test_interruptions_are_the_times_it_waited_for_the_exchange(run, tmp_path):
    backfill = Backfill()
    with begin(run, tmp_path, backfill) as job:
        assert job.interruptions.is_empty()
        run.interruptions.append(Interruption(1_000, None, "maintenance"))
        assert job.interruptions["reason"].to_list() == ["maintenance"]


def test_a_wait_that_is_too_short_leaves_the_job_at_work(run, tmp_path):
    job = begin(run, tmp_path, Backfill())
    with pytest.raises(TimeoutError, match="still running"):
        job.wait(0.01)
    assert not job.done
    job.close()


def test_callbacks_come_when_all_is_down_and_at_once_where_it_is(run, tmp_path):
    backfill, seen = Backfill(), []
    job = begin(run, tmp_path, backfill)
    job.on_done(lambda each: seen.append((each, backfill.written)))
    job.close()
    job.on_done(lambda each: seen.append((each, True)))
    assert seen == [(job, True)] * 2
