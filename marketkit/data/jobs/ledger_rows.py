"""The rows of a ledger, checked: the file may be anybody's, and requests are made of the rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from marketkit.data.jobs.tasks import BackfillRequest, Task
from marketkit.symbols import is_code
from marketkit.window import EVER

_NONE = type(None)
_TEXT: tuple[type, ...] = (str,)
_WHOLE: tuple[type, ...] = (int,)
_NUMBER: tuple[type, ...] = (int, float)
_MOST = EVER.end  # no time, and no count of what lies between times, is larger
_KINDS: Mapping[str, Mapping[str, tuple[type, ...]]] = {
    "jobs": {
        **dict.fromkeys(("id", "wanted", "state", "note"), _TEXT),
        "wish": (str, _NONE),
        **dict.fromkeys(("created", "updated"), _WHOLE),
    },
    "tasks": {
        **dict.fromkeys(("symbol", "job", "timeframe", "state"), _TEXT),
        **dict.fromkeys(("block", "start", "end", "slots", "done", "requests"), _WHOLE),
        **dict.fromkeys(("rows", "attempts"), _WHOLE),
        "place": (int, _NONE),
        "worker": (str, _NONE),
        "due": _NUMBER,
        "error": (str, _NONE),
    },
    "workers": {
        **dict.fromkeys(("id", "job", "boot", "space"), _TEXT),
        "pid": _WHOLE,
        "beat": _NUMBER,
    },
    "errors": {
        **dict.fromkeys(("job", "symbol", "message"), _TEXT),
        **dict.fromkeys(("block", "at", "attempt"), _WHOLE),
    },
}


def check(ledger: sqlite3.Connection, version: int) -> None:
    """Look at every page and every row, and see whether the file can be written.

    Raises an error of SQLite, or `ValueError` for what is not ours.
    """
    ledger.execute("BEGIN IMMEDIATE")
    ledger.execute(f"PRAGMA user_version = {version}")  # SQLite may begin and yet not write
    ledger.rollback()
    (sound,) = ledger.execute("PRAGMA quick_check(1)").fetchone()
    if sound != "ok":
        raise ValueError(str(sound))
    check_rows(ledger)


def check_rows(ledger: sqlite3.Connection) -> None:
    """Look at every row. Raises `ValueError` for one that no marketkit wrote."""
    for name, kinds in _KINDS.items():
        for row in ledger.execute(f"SELECT {', '.join(kinds)} FROM {name}"):  # noqa: S608 - our names
            said = dict(zip(kinds, row, strict=True))
            _check_kinds(name, said)
            if name == "jobs":
                BackfillRequest.read(said["wanted"])
            elif name == "tasks":
                checked(Task(*(said[key] for key in Task._fields)))


def checked(task: Task) -> Task:
    """Give a task back that can be one. Raises `ValueError` for another."""
    times = (task.block, task.start, task.end, task.slots)
    whole = all(isinstance(each, int) and 0 <= each <= EVER.end for each in times)
    if not (whole and is_code(task.symbol) and task.start <= task.end):
        raise ValueError(f"{task} is no task")
    return task


def _check_kinds(name: str, said: Mapping[str, Any]) -> None:
    for key, value in said.items():
        wrong = not isinstance(value, _KINDS[name][key])
        if wrong or (isinstance(value, int) and abs(value) > _MOST):
            raise ValueError(f"{value!r} is no {key} of {name}")
