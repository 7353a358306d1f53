"""The table keeps bytes by key, and says at once that it is busy."""

from __future__ import annotations

import pickle
import re
import sqlite3
import time
from contextlib import closing, suppress
from inspect import isfunction, unwrap
from pathlib import Path

import pytest
from requests_cache.backends.sqlite import SQLiteDict

import marketkit
from marketkit.cache.table import Table
from tests.waiting import soon


@pytest.fixture
def path(tmp_path):
    return tmp_path / "responses.sqlite"


@pytest.fixture
def table(path):
    with closing(Table(path)) as opened:
        yield opened


def test_a_value_is_found_under_its_key_and_replaced(table):
    table.put("a", b"first", 1000)
    table.put("a", b"second", 1000)
    assert table.get("a") == b"second"
    assert table.get("b") is None
    assert (len(table), table.bytes()) == (1, 6)


def test_what_was_written_first_goes_first(table):
    for key in "abc":
        table.put(key, b"1234", 100)
    table.put("a", b"5678", 9)  # now the newest
    assert sorted(table) == ["a", "c"]
    assert table.bytes() == 8


def test_a_table_that_is_there_is_opened_with_what_it_has(path, table):
    table.put("a", b"kept", 100)
    with closing(Table(path)) as other:
        assert other.get("a") == b"kept"


def test_requests_cache_itself_reads_and_writes_the_file(path, table):
    table.put("a", b"ours", 100)
    with closing(SQLiteDict(path, table_name="responses", serializer=None)) as theirs:
        assert theirs["a"] == b"ours"
        theirs["b"] = b"theirs"
    assert table.get("b") == b"theirs"


def test_a_busy_table_says_so_at_once_and_changes_nothing(path, table):
    table.put("a", b"old", 100)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        def attempt() -> tuple[float, None]:
            began = time.monotonic()
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                table.put("a", b"new", 100)
            return time.monotonic() - began, None

        soon(1, attempt)
        assert table.get("a") == b"old"
        other.execute("ROLLBACK")
    table.put("a", b"new", 100)
    assert table.get("a") == b"new"


def test_a_transaction_that_fails_leaves_no_part_of_it(table):
    with suppress(KeyboardInterrupt), table.transaction() as connection:
        connection.execute("REPLACE INTO responses (key, value) VALUES ('a', x'00')")
        raise KeyboardInterrupt
    assert len(table) == 0


def test_no_other_module_knows_requests_cache():
    package = Path(marketkit.__file__).parent
    knowing = [
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if re.search(r"^\s*(?:import|from) requests_cache", path.read_text("utf-8"), re.MULTILINE)
    ]
    assert knowing == ["cache/table.py"]


def test_a_value_is_bytes_and_never_a_pickle_that_could_run_code(path, table):
    table.put("a", pickle.dumps(print), 1000)
    assert table.get("a") == pickle.dumps(print)
    assert table.serializer is None


def test_nothing_private_of_requests_cache_is_used():
    methods = [unwrap(each) for each in vars(Table).values() if isfunction(each)]
    used = {*vars(Table), *(name for each in methods for name in each.__code__.co_names)}
    ours = {"_MAKE", "_PUT", "_PRUNE", "_abc_impl"}  # the last is Python's own
    assert {name for name in used if name.startswith("_") and name[1] != "_"} <= ours
