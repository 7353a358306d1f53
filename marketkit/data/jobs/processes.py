"""The processes at work on jobs: registered, heard from, and removed when dead."""

from __future__ import annotations

import os
import secrets
import sqlite3
import time
from typing import NamedTuple

from marketkit.clock import boot_id
from marketkit.disk.system import proc, runs

SILENT = 60.0  # seconds without a beat after which a process is dead: a laptop may stall for some

_GIVE_BACK = "UPDATE tasks SET state = 'open', worker = NULL WHERE worker = ? AND state = 'leased'"


class Worker(NamedTuple):
    """A process at work on a job: `pid` has a meaning in this boot and this process space."""

    id: str
    job: str
    boot: str
    space: str
    pid: int


def myself(job: str) -> Worker:
    """Give a new name to this process for the work on a job."""
    return Worker(secrets.token_hex(6), job, boot_id(), _space(), os.getpid())


def register(ledger: sqlite3.Connection, me: Worker) -> None:
    """Register a worker as alive now."""
    ledger.execute("REPLACE INTO workers VALUES (?, ?, ?, ?, ?, ?)", (*me, time.monotonic()))


def remove(ledger: sqlite3.Connection, worker: str) -> None:
    """Remove a worker and give back the worker's tasks."""
    ledger.execute(_GIVE_BACK, (worker,))
    ledger.execute("DELETE FROM workers WHERE id = ?", (worker,))


def expire(ledger: sqlite3.Connection) -> set[str]:
    """Remove the dead; give the jobs that somebody alive works on."""
    alive = set()
    for *row, beat in ledger.execute("SELECT * FROM workers").fetchall():
        if _is_dead(Worker(*row), beat):
            remove(ledger, row[0])
        else:
            alive.add(row[1])
    return alive


def _is_dead(worker: Worker, beat: float) -> bool:
    """Say whether a worker is gone. Beats are in the time since boot, which nobody can set."""
    if worker.boot != boot_id() or not 0 <= time.monotonic() - beat < SILENT:
        return True
    return worker.space == _space() and not runs(worker.pid)


def _space() -> str:
    """Name the space in which pids of this process have their meaning: containers differ."""
    return proc("self/ns/pid")
