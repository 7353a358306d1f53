"""The jobs of a lake, seen from any process."""

from __future__ import annotations

import pytest

from marketkit.data.jobs.catalog import at_work, attempts, find, jobs, symbols
from marketkit.data.jobs.ledger import Ledger
from marketkit.data.jobs.tasks import BackfillRequest, Task, Work
from marketkit.errors import BadResponse, InputError

REQUEST = BackfillRequest("upbit", ("KRW-BTC", "KRW-ETH"), "1m", 0, 120_000)
OTHER = BackfillRequest("upbit", ("KRW-XRP",), "1h", 0, None)
TASKS = [Task("KRW-BTC", 1, 60_000, 120_000, 10), Task("KRW-ETH", 1, 60_000, 120_000, 10)]


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path) as one:
        one.open(REQUEST, TASKS)
        yield one


def test_without_a_ledger_there_are_no_jobs_and_none_is_made(tmp_path):
    assert jobs(tmp_path).is_empty()
    assert symbols(tmp_path, "x").is_empty()
    assert attempts(tmp_path, "x").is_empty()
    assert list(tmp_path.iterdir()) == []


def test_a_job_adds_its_tasks_up(tmp_path, ledger):
    me = ledger.register(REQUEST.id)
    ledger.finish(me, ledger.lease(me), Work(10, 2, 9))
    (row,) = jobs(tmp_path).rows(named=True)
    assert (row["job"], row["state"], row["processes"]) == (REQUEST.id, "running", 1)
    assert (row["slots"], row["done"], row["percent"]) == (20, 10, 50.0)
    assert (row["requests"], row["rows"], row["failed"]) == (2, 9, 0)
    assert row["what"] == str(REQUEST)


def test_a_job_whose_tasks_are_not_known_yet_has_done_nothing(tmp_path, ledger):
    ledger.open(OTHER, [])
    me = ledger.register(OTHER.id)
    (before,) = jobs(tmp_path).filter(job=OTHER.id)["percent"]
    ledger.leave(me, "done", "")
    (after,) = jobs(tmp_path).filter(job=OTHER.id)["percent"]
    assert (before, after) == (0.0, 100.0)


@pytest.mark.parametrize(
    ("note", "command", "state"),
    [("", None, "running"), ("", "pause", "paused"), ("waiting for it", None, "waiting")],
)
def test_the_state_of_a_job_at_work(tmp_path, ledger, note, command, state):
    me = ledger.register(REQUEST.id)
    ledger.command(REQUEST.id, command)
    ledger.beat(me, [], note)
    assert jobs(tmp_path)["state"].to_list() == [state]


def test_a_job_that_nobody_works_on_was_interrupted(tmp_path, ledger):
    assert jobs(tmp_path)["state"].to_list() == ["interrupted"]


def test_symbols_say_how_they_stand(tmp_path, ledger):
    me = ledger.register(REQUEST.id)
    ledger.fail(me, ledger.lease(me), Work(), BadResponse("no such market"))
    ledger.lease(me)
    rows = symbols(tmp_path, REQUEST.id).select("symbol", "state", "error").rows()
    assert rows == [("KRW-BTC", "failed", "no such market"), ("KRW-ETH", "at work", None)]


def test_symbols_are_at_work_while_somebody_is_about_to_fetch_them(tmp_path, ledger):
    assert at_work(tmp_path, "1m") == {}
    me = ledger.register(REQUEST.id)
    ledger.finish(me, ledger.lease(me), Work(10, 2, 9))
    assert at_work(tmp_path, "1m") == {"KRW-ETH": REQUEST.id}
    assert at_work(tmp_path, "1h") == {}
    ledger.leave(me, "stopped")
    assert at_work(tmp_path, "1m") == {}


def test_every_attempt_that_failed_is_told(tmp_path, ledger):
    me = ledger.register(REQUEST.id)
    ledger.put_off(me, ledger.lease(me), Work(), BadResponse("cut"), seconds=-1)
    ledger.fail(me, ledger.lease(me), Work(), BadResponse("cut again"))
    rows = attempts(tmp_path, REQUEST.id).sort("attempt")
    assert rows["error"].to_list() == ["cut", "cut again"]
    assert rows["attempt"].to_list() == [1, 2]
    assert rows["start"].dt.epoch("ms").unique().to_list() == [60_000]
    assert attempts(tmp_path, OTHER.id).is_empty()


def test_a_job_is_found_by_the_beginning_of_its_name(tmp_path, ledger):
    ledger.open(OTHER, [])
    assert find(tmp_path, REQUEST.id[:6]) == REQUEST
    assert find(tmp_path, OTHER.id) == OTHER


def test_a_beginning_that_means_no_job_or_several_is_refused(tmp_path, ledger):
    ledger.open(OTHER, [])
    with pytest.raises(InputError, match="no job"):
        find(tmp_path, "zz")
    with pytest.raises(InputError, match="more than one job"):
        find(tmp_path, "")
