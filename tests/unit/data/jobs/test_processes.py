"""Who is at work on a job: whoever beats, lives and is of this boot."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from marketkit.data.jobs import processes
from marketkit.data.jobs.ledger_db import LedgerFile


@pytest.fixture
def ledger(tmp_path):
    """Do work in a ledger of its own."""
    file = LedgerFile(tmp_path)
    yield file.do
    file.close()


def ended() -> int:
    """The pid of a process that has ended."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def beats(ledger) -> list[tuple[str, float]]:
    return ledger(lambda tables: tables.execute("SELECT id, beat FROM workers").fetchall())


def test_each_name_of_this_process_is_new_and_means_it():
    one, other = processes.myself("job"), processes.myself("job")
    assert one.id != other.id
    assert one[1:] == other[1:]


def test_who_is_registered_and_alive_stays(ledger):
    me = processes.myself("job")
    ledger(lambda tables: processes.register(tables, me))
    ledger(lambda tables: processes.register(tables, me))
    assert ledger(processes.expire) == {"job"}
    assert [name for name, _ in beats(ledger)] == [me.id]


@pytest.mark.parametrize("change", [{"boot": "another"}, {"pid": None}], ids=["boot", "pid"])
def test_the_dead_are_removed(ledger, change):
    gone = processes.myself("job")._replace(**{k: v or ended() for k, v in change.items()})
    ledger(lambda tables: processes.register(tables, gone))
    assert ledger(processes.expire) == set()
    assert beats(ledger) == []


def test_a_pid_of_another_process_space_says_nothing(ledger):
    elsewhere = processes.myself("job")._replace(space="pid:[1]", pid=ended())
    ledger(lambda tables: processes.register(tables, elsewhere))
    assert ledger(processes.expire) == {"job"}


def test_who_was_silent_for_a_minute_is_dead(ledger, with_own):
    elsewhere = processes.myself("job")._replace(space="pid:[1]")
    ledger(lambda tables: processes.register(tables, elsewhere))
    later = time.monotonic() + processes.SILENT
    with_own(processes, time, monotonic=lambda: later)
    assert ledger(processes.expire) == set()


def test_the_tasks_of_one_who_is_removed_are_open_again(ledger):
    me = processes.myself("job")
    row = "INSERT INTO tasks (job, symbol, block, state, worker) VALUES ('job', ?, 0, ?, ?)"

    def prepare(tables) -> None:
        processes.register(tables, me)
        rows = [("A", "leased", me.id), ("B", "leased", "other"), ("C", "done", me.id)]
        tables.executemany(row, rows)

    ledger(prepare)
    ledger(lambda tables: processes.remove(tables, me.id))
    states = "SELECT symbol, state, worker FROM tasks ORDER BY symbol"
    assert ledger(lambda tables: tables.execute(states).fetchall()) == [
        ("A", "open", None),
        ("B", "leased", "other"),
        ("C", "done", me.id),
    ]
