"""Rows of a ledger that is anybody's."""

from __future__ import annotations

import sqlite3

import pytest

from marketkit.data.jobs.ledger import Ledger
from marketkit.data.jobs.ledger_rows import check_rows, checked
from marketkit.data.jobs.tasks import BackfillRequest, Task
from marketkit.timeframe import parse_time

START = parse_time("2026-01-01")
TASK = Task("KRW-BTC", 0, START, START + 600_000, 10)


@pytest.fixture
def ledger(tmp_path):
    """The connection to a ledger with a job, a task and a worker."""
    wanted = BackfillRequest("upbit", ("KRW-BTC",), "1m", START, None)
    with Ledger(tmp_path) as ledger:
        ledger.open(wanted, [TASK])
        ledger.register(wanted.id)
    connection = sqlite3.connect(tmp_path / "jobs.sqlite")
    yield connection
    connection.close()


def test_rows_of_ours_are_sound(ledger):
    check_rows(ledger)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE jobs SET wanted = '{}'",
        "UPDATE jobs SET created = 'now'",
        "UPDATE tasks SET slots = 1.5",
        "UPDATE tasks SET start = 9223372036854775807",
        "UPDATE tasks SET start = 5, end = 4",
        "UPDATE tasks SET place = x'00'",
        "UPDATE workers SET beat = NULL",
    ],
)
def test_other_rows_are_none(ledger, change):
    ledger.execute(change)
    with pytest.raises(ValueError, match="is no"):
        check_rows(ledger)


def test_a_task_is_given_back_or_refused():
    assert checked(TASK) is TASK
    for field, value in {"symbol": "../x", "block": -1, "start": None, "slots": "9"}.items():
        with pytest.raises(ValueError, match="is no task"):
            checked(TASK._replace(**{field: value}))
