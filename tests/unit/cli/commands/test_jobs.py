"""`marketkit jobs`: the ledger of a lake on the command line; no exchange is asked."""

from __future__ import annotations

import json

import pytest

from marketkit.data.jobs.ledger import Ledger
from marketkit.data.jobs.tasks import BackfillRequest, Task

WANTED = BackfillRequest("upbit", ("KRW-BTC", "KRW-ETH"), "1m", 0, 3000)
TASKS = [Task("KRW-BTC", 1, 1000, 2000, 10), Task("KRW-ETH", 1, 1000, 2000, 20)]


@pytest.fixture
def jobs(run, tmp_path):
    def command(*arguments: str) -> tuple[int, str, str]:
        return run("jobs", *arguments, "--lake", tmp_path)

    return command


@pytest.fixture
def worker(tmp_path):
    """This process at work on a job."""
    with Ledger(tmp_path) as ledger:
        ledger.open(WANTED, TASKS)
        yield ledger.register(WANTED.id)


def test_a_lake_without_jobs_has_none(jobs):
    code, out, _ = jobs("ls", "--json")
    assert (code, json.loads(out)) == (0, [])
    code, _, err = jobs("show", "3f2a")
    assert code == 2
    assert "no job '3f2a'" in err


def test_a_job_is_listed_and_shown_by_the_beginning_of_its_name(jobs, worker):
    (listed,) = json.loads(jobs("ls", "--json")[1])
    assert (listed["job"], listed["state"], listed["slots"]) == (WANTED.id, "running", 30)
    code, out, _ = jobs("show", WANTED.id[:4], "--json")
    assert code == 0
    assert [(row["symbol"], row["slots"]) for row in json.loads(out)] == [
        ("KRW-BTC", 10),
        ("KRW-ETH", 20),
    ]
    assert WANTED.id in jobs("show", WANTED.id)[1]


def test_a_job_at_work_is_paused_resumed_and_cancelled_by_a_word_in_its_ledger(jobs, worker):
    def state() -> str:
        (listed,) = json.loads(jobs("ls", "--json")[1])
        return listed["state"]

    code, out, _ = jobs("pause", WANTED.id)
    assert code == 0
    assert "is paused within a second" in out
    assert state() == "paused"
    assert "goes on in the processes" in jobs("resume", WANTED.id)[1]
    assert state() == "running"
    code, out, _ = jobs("cancel", WANTED.id, "--json")
    assert code == 0
    assert json.loads(out) == {"job": WANTED.id, "wish": "cancel"}
