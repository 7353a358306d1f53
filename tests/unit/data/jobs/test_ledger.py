"""Who does what: every task once, by somebody who lives; and the ledger is never the truth."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import pytest

from marketkit.data.jobs import ledger as module
from marketkit.data.jobs import processes
from marketkit.data.jobs.catalog import find, jobs, symbols
from marketkit.data.jobs.ledger import Ledger
from marketkit.data.jobs.ledger_db import NAME, LedgerReset
from marketkit.data.jobs.tasks import BackfillRequest, Task, Work
from marketkit.errors import BadResponse, NotWritable

WANTED = BackfillRequest("upbit", ("KRW-BTC", "KRW-ETH"), "1m", 0, 3000)
TASKS = [Task("KRW-BTC", 1, 1000, 2000, 10), Task("KRW-ETH", 1, 1000, 2000, 10)]
OLDER = Task("KRW-BTC", 0, 0, 1000, 10)


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path) as one:
        yield one


def begun(ledger, wanted=WANTED, planned=(*TASKS, OLDER)):
    """Begin a job and give somebody who works on it."""
    ledger.open(wanted, planned)
    return ledger.register(wanted.id)


def state(tmp_path, job=WANTED.id):
    (found,) = jobs(tmp_path).filter(job=job)["state"]
    return found


def dead(job=WANTED.id):
    """A worker whose process has ended."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return processes.myself(job)._replace(pid=child.pid)


def test_tasks_are_claimed_in_order_and_each_once(ledger):
    one, other = begun(ledger), ledger.register(WANTED.id)
    claimed = [ledger.lease(each).task for each in (one, other, one)]
    assert claimed == [*TASKS, OLDER]
    assert ledger.lease(other) is None


def test_what_is_finished_is_counted_and_not_claimed_again(ledger):
    me = begun(ledger)
    lease = ledger.lease(me)
    ledger.finish(me, lease, Work(10, 3, 7))
    totals = ledger.totals(WANTED.id)
    assert totals == (30, 10, 3, 7, 2, 0)
    assert ledger.lease(me).task != lease.task


def test_a_piece_of_history_is_not_fetched_by_two_jobs_at_once(ledger):
    me = begun(ledger)
    lease = ledger.lease(me)
    overlapping = BackfillRequest("upbit", ("KRW-BTC",), "1m", 500, None)
    other = begun(ledger, overlapping, [Task("KRW-BTC", 1, 1500, 3000, 10)])
    assert ledger.lease(other) is None
    ledger.finish(me, lease, Work(10))
    assert ledger.lease(other).task.start == 1500


def test_other_timeframes_are_other_pieces(ledger):
    me = begun(ledger)
    ledger.lease(me)
    hours = BackfillRequest("upbit", ("KRW-BTC",), "1h", 0, None)
    assert ledger.lease(begun(ledger, hours, TASKS[:1])) is not None


def test_the_lease_of_a_dead_process_is_taken_over(ledger):
    ledger.open(WANTED, TASKS)
    gone = dead()
    ledger._file.do(lambda connection: processes.register(connection, gone))
    lost = ledger.lease(gone)
    me = ledger.register(WANTED.id)
    ledger.beat(me, [], "")
    assert ledger.lease(me).task == lost.task


def test_so_is_that_of_a_process_not_heard_of_for_a_minute(ledger, with_own):
    silent = begun(ledger)
    lost = ledger.lease(silent)
    now = time.monotonic()
    with_own(processes, time, monotonic=lambda: now + processes.SILENT + 1)
    me = ledger.register(WANTED.id)
    ledger.beat(me, [], "")
    lease = ledger.lease(me)
    assert lease.task == lost.task
    # Should it come back after all, it learns so, and cannot say that the task is done.
    assert ledger.beat(silent, [(lost, Work())], "").lost == [lost.task]
    ledger.finish(silent, lost, Work(10))
    assert ledger.totals(WANTED.id).leased == 1


def test_a_process_of_another_boot_is_dead(ledger):
    ledger.open(WANTED, TASKS)
    former = processes.myself(WANTED.id)._replace(boot="another")
    ledger._file.do(lambda connection: processes.register(connection, former))
    ledger.lease(former)
    assert ledger.lease(begun(ledger)).task == TASKS[0]


def test_a_process_of_another_pid_space_is_judged_by_its_beats_alone(ledger):
    ledger.open(WANTED, TASKS)
    elsewhere = dead()._replace(space="pid:[1]")
    ledger._file.do(lambda connection: processes.register(connection, elsewhere))
    lease = ledger.lease(elsewhere)
    assert ledger.lease(begun(ledger)).task != lease.task


def test_a_failed_task_waits_before_it_is_tried_again(ledger, with_own):
    me = begun(ledger, planned=TASKS[:1])
    ledger.put_off(me, ledger.lease(me), Work(4, 2, 4), BadResponse("cut"), 60)
    assert ledger.lease(me) is None
    later = time.time_ns() + 61 * 10**9
    with_own(module, time, time_ns=lambda: later)
    again = ledger.lease(me)
    assert (again.attempts, again.before) == (1, Work(4, 2, 4))


def test_a_clock_set_back_for_days_does_not_put_a_retry_off_for_days(ledger, with_own):
    me = begun(ledger, planned=TASKS[:1])
    ledger.put_off(me, ledger.lease(me), Work(), BadResponse("cut"), 60)
    earlier = time.time_ns() - 86_400 * 10**9
    with_own(module, time, time_ns=lambda: earlier)
    assert ledger.lease(me) is not None


def test_a_symbol_is_given_up_as_a_whole_and_the_others_go_on(ledger, tmp_path):
    me = begun(ledger)
    ledger.fail(me, ledger.lease(me), Work(), BadResponse("no such market"))
    assert ledger.failures(WANTED.id) == {"KRW-BTC": "no such market"}
    assert ledger.lease(me).task.symbol == "KRW-ETH"
    assert ledger.lease(me) is None
    frame = symbols(tmp_path, WANTED.id)
    assert frame["state"].to_list() == ["failed", "at work"]
    assert frame["error"].to_list() == ["no such market", None]


def test_what_lies_before_the_listing_is_struck(ledger):
    me = begun(ledger)
    ledger.settle_before(WANTED.id, "KRW-BTC", 1000)
    assert ledger.totals(WANTED.id).done == 10
    assert [ledger.lease(me).task, ledger.lease(me).task] == TASKS
    assert ledger.lease(me) is None


def test_an_interrupted_job_goes_on_with_what_was_done_of_it(ledger, tmp_path):
    me = begun(ledger)
    ledger.finish(me, ledger.lease(me), Work(10, 1, 9))
    ledger.lease(me)
    ledger._file.do(lambda connection: processes.register(connection, dead()))
    ledger._file.do(lambda connection: processes.remove(connection, me.id))
    assert state(tmp_path) == "interrupted"
    # The lake has half of the second task by now.
    me = begun(ledger, planned=[TASKS[1]._replace(end=1500, slots=5), OLDER])
    assert state(tmp_path) == "running"
    assert ledger.totals(WANTED.id)[:2] == (30, 15)
    assert ledger.lease(me).task == TASKS[1]


def test_a_plan_that_is_cut_otherwise_takes_the_place_of_what_nobody_began(ledger):
    me = begun(ledger)
    ledger.finish(me, ledger.lease(me), Work(10, 1, 9))
    ledger.leave(me, "stopped")
    halves = [OLDER._replace(block=n, start=500 * n, end=500 * n + 500, slots=5) for n in (4, 5)]
    begun(ledger, planned=[TASKS[1], *halves])
    assert ledger.totals(WANTED.id)[:2] == (30, 10)


def test_what_the_lake_lost_of_a_job_that_had_not_ended_is_done_again(ledger):
    me = begun(ledger, planned=TASKS)
    ledger.finish(me, ledger.lease(me), Work(10))
    again = begun(ledger, planned=TASKS)
    assert ledger.lease(again).task == TASKS[0]


def test_a_job_that_ended_begins_again(ledger, tmp_path):
    me = begun(ledger)
    ledger.finish(me, ledger.lease(me), Work(10))
    ledger.leave(me, "done")
    assert state(tmp_path) == "done"
    begun(ledger, planned=TASKS[1:])
    assert ledger.totals(WANTED.id)[:2] == (10, 0)


def test_the_last_to_leave_says_how_it_ended(ledger, tmp_path):
    one = begun(ledger)
    other = ledger.register(WANTED.id)
    ledger.leave(one, "stopped")
    assert state(tmp_path) == "running"
    ledger.leave(other, "incomplete")
    assert state(tmp_path) == "incomplete"


def test_a_command_is_obeyed_at_the_next_beat_and_taken_back(ledger, tmp_path):
    me = begun(ledger)
    assert ledger.beat(me, [], "").command is None
    ledger.command(WANTED.id, "pause")
    assert ledger.beat(me, [], "").command == "pause"
    assert state(tmp_path) == "paused"
    ledger.command(WANTED.id, None)
    assert ledger.beat(me, [], "").command is None
    assert not ledger.command("unknown", "pause")


def test_a_job_nobody_works_on_is_cancelled_at_once(ledger, tmp_path):
    ledger.leave(begun(ledger), "stopped")
    ledger.command(WANTED.id, "cancel")
    assert state(tmp_path) == "cancelled"


def test_what_it_waits_for_can_be_read_elsewhere(ledger, tmp_path):
    me = begun(ledger)
    ledger.beat(me, [], "waiting for the exchange")
    (row,) = jobs(tmp_path).rows(named=True)
    assert (row["state"], row["note"]) == ("waiting", "waiting for the exchange")
    assert (row["job"], row["percent"], row["processes"]) == (WANTED.id, 0.0, 1)


@pytest.mark.parametrize(
    "content", [b"", b"no database at all" * 100, b"SQLite format 3\0" + b"x" * 4096]
)
def test_a_damaged_ledger_begins_again_empty(tmp_path, content):
    (tmp_path / NAME).write_bytes(content)
    with Ledger(tmp_path) as ledger:
        if content:
            with pytest.raises(LedgerReset):
                ledger.open(WANTED, TASKS)
        assert ledger.lease(begun(ledger)).task == TASKS[0]


def test_damage_in_the_middle_is_noticed_and_survived(ledger, tmp_path):
    me = begun(ledger)
    ledger.close()
    size = (tmp_path / NAME).stat().st_size
    with (tmp_path / NAME).open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * (size - 100))
    with pytest.raises(LedgerReset):
        ledger.beat(me, [], "")
    with pytest.raises(LedgerReset):  # the job is not in the new one
        ledger.beat(me, [], "")
    assert ledger.lease(begun(ledger)).task == TASKS[0]


def test_a_deleted_ledger_is_noticed_by_who_works(ledger, tmp_path):
    me = begun(ledger)
    for path in tmp_path.glob(f"{NAME}*"):
        path.unlink()
    with pytest.raises(LedgerReset):
        ledger.beat(me, [], "")


def test_a_full_disk_is_said_and_loses_nothing(ledger):
    me = begun(ledger)
    ledger._file._connection.execute("PRAGMA max_page_count = 1")
    many = [Task(f"KRW-{at}", 0, 0, 1000, 10) for at in range(10_000)]
    with pytest.raises(NotWritable, match="full"):
        ledger.open(WANTED, many)
    ledger.close()
    assert ledger.lease(me).task == TASKS[0]
    assert ledger.totals(WANTED.id).slots == 30


def test_a_lake_that_may_only_be_read_is_said(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises((NotWritable, OSError)), Ledger(tmp_path / "file") as ledger:
        ledger.open(WANTED, TASKS)


def test_a_job_is_found_by_the_beginning_of_its_name(ledger, tmp_path):
    begun(ledger)
    assert find(tmp_path, WANTED.id[:4]) == WANTED
    with pytest.raises(ValueError, match="no job 'zzzz'"):
        find(tmp_path, "zzzz")


def test_a_lake_without_jobs_has_none_and_gets_no_ledger(tmp_path):
    assert jobs(tmp_path).is_empty()
    assert not (tmp_path / NAME).exists()
    with Ledger(tmp_path) as ledger:
        assert not ledger.knows("x")
    assert not (tmp_path / NAME).exists()


def test_a_ledger_of_another_version_begins_again(ledger, tmp_path):
    begun(ledger)
    ledger.close()
    with closing(sqlite3.connect(tmp_path / NAME)) as connection, connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    assert ledger.totals(WANTED.id).slots == 0
