"""Index, ledger, ban, budget and cache of random bytes, another version, huge or locked.

Each is made anew, or there is a clear error; nothing else is ever raised.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path

import pytest

from marketkit.cache.store import ResponseStore
from marketkit.coverage import Spans
from marketkit.data.jobs import catalog, ledger_db
from marketkit.data.jobs.ledger import Ledger
from marketkit.data.jobs.ledger_db import LedgerReset
from marketkit.data.jobs.tasks import BackfillRequest, Task
from marketkit.data.lake import Lake
from marketkit.data.lake.store import database
from marketkit.errors import Banned, LakeError, MarketkitError
from marketkit.exchange.dialect import RateLimit
from marketkit.net.budget.ban import Ban
from marketkit.net.budget.shared import SharedState
from marketkit.timeframe import parse_time
from tests.unit.data.lake.conftest import make_candles

START = parse_time("2026-01-01")
WANTED = BackfillRequest("upbit", ("KRW-BTC",), "1m", START, START + 600_000)
TASK = Task("KRW-BTC", 0, START, START + 600_000, 10)


def random_bytes(path: Path) -> None:
    path.write_bytes(random.Random(9).randbytes(50_000))


def zeros(path: Path) -> None:
    path.write_bytes(bytes(50_000))


def empty(path: Path) -> None:
    path.write_bytes(b"")


def text(path: Path) -> None:
    path.write_text("dear diary\n" * 1000)


def huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(20 << 30)  # a file with a hole, which takes no room


def half(path: Path) -> None:
    whole(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def rotten_pages(path: Path) -> None:
    whole(path)
    content = bytearray(path.read_bytes())
    content[200:] = bytes(each ^ 0x5A for each in content[200:])
    path.write_bytes(content)


def a_later_format(path: Path) -> None:
    """A file that says that only a later SQLite may write to it."""
    whole(path)
    content = bytearray(path.read_bytes())
    content[18] = 9
    path.write_bytes(content)


def another_version(path: Path) -> None:
    change(path, "PRAGMA user_version = 99")


def no_tables(path: Path) -> None:
    whole(path)
    drop_all(path)


def other_columns(path: Path) -> None:
    whole(path)
    for name in drop_all(path):
        change(path, f"CREATE TABLE {name} (something TEXT NOT NULL)")


def views(path: Path) -> None:
    whole(path)
    for name in drop_all(path):
        change(path, f"CREATE VIEW {name} AS SELECT 1 AS one")


def a_trigger_that_refuses(path: Path) -> None:
    whole(path)
    for name in tables(path):
        said = f"CREATE TRIGGER no_{name} BEFORE INSERT ON {name}"
        change(path, f"{said} BEGIN SELECT raise(ABORT, 'no'); END")


def words_for_numbers(path: Path) -> None:
    fill_columns(path, "'many words'")


def no_utf8(path: Path) -> None:
    fill_columns(path, "CAST(x'fffe80' AS TEXT)")


def nothing(path: Path) -> None:
    fill_columns(path, "NULL")


def numbers_beyond_all(path: Path) -> None:
    fill_columns(path, str(2**62))


FAULTS = [
    *(random_bytes, zeros, empty, text, huge, half, rotten_pages, a_later_format),
    *(another_version, no_tables, other_columns, views, a_trigger_that_refuses),
    *(words_for_numbers, no_utf8, nothing, numbers_beyond_all),
]
# What a whole file of the kind under test is: set by the fixture of each.
_WHOLE: dict[str, bytes] = {}


def whole(path: Path) -> None:
    path.write_bytes(_WHOLE["content"])
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def remember(path: Path) -> None:
    """Keep the bytes of a file that was just made as those of a whole one."""
    change(path, "PRAGMA wal_checkpoint(TRUNCATE)")
    _WHOLE["content"] = path.read_bytes()


def change(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    try:
        connection.execute(statement)
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()


def tables(path: Path) -> list[str]:
    connection = sqlite3.connect(path)
    try:
        asked = "SELECT name FROM sqlite_master WHERE type = 'table'"
        return [name for (name,) in connection.execute(asked)]
    finally:
        connection.close()


def drop_all(path: Path) -> list[str]:
    names = tables(path)
    for name in names:
        change(path, f"DROP TABLE {name}")
    return names


def fill_columns(path: Path, value: str) -> None:
    """Put a value wherever no key forbids that, one column of one table at a time."""
    whole(path)
    for name in tables(path):
        connection = sqlite3.connect(path)
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({name})") if not row[5]]
        connection.close()
        for column in columns:
            change(path, f"UPDATE {name} SET {column} = {value}")  # noqa: S608 - of a test


@pytest.fixture
def ledger_of(tmp_path):
    """A lake's folder with a ledger that has a job, a task at work and an error."""
    with Ledger(tmp_path) as ledger:
        ledger.open(WANTED, [TASK])
        me = ledger.register(WANTED.id)
        lease = ledger.lease(me)
        ledger.put_off(me, lease, lease.before, MarketkitError("not now"), 0)
    remember(tmp_path / "jobs.sqlite")
    return tmp_path


@pytest.mark.parametrize("fault", FAULTS, ids=lambda each: each.__name__)
def test_a_ledger_is_made_anew_or_says_what_is_wrong(ledger_of, fault):
    fault(ledger_of / "jobs.sqlite")
    met = []
    for _ in range(3):  # a job plans again after each new beginning, and soon comes through
        try:
            with Ledger(ledger_of) as ledger:
                ledger.open(WANTED, [TASK])
                me = ledger.register(WANTED.id)
                lease = ledger.lease(me)
                assert lease is None or lease.task == TASK
                ledger.beat(me, [], "")
                ledger.leave(me, "done")
            break
        except LedgerReset as reset:
            met.append(reset)
    assert len(met) < 3
    assert catalog.jobs(ledger_of)["job"].to_list() == [WANTED.id]
    assert str(catalog.find(ledger_of, WANTED.id[:4])) == str(WANTED)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda each: each.__name__)
def test_the_jobs_of_any_ledger_are_listed_or_there_are_none(ledger_of, fault):
    fault(ledger_of / "jobs.sqlite")
    assert catalog.jobs(ledger_of).height <= 1
    assert catalog.symbols(ledger_of, WANTED.id).height <= 1
    assert catalog.attempts(ledger_of, WANTED.id).height <= 1
    assert set(catalog.at_work(ledger_of, "1m").values()) <= {WANTED.id}
    with suppress(MarketkitError):
        assert catalog.find(ledger_of, WANTED.id) == WANTED


def test_a_ledger_that_another_holds_is_a_clear_error(ledger_of, monkeypatch):
    monkeypatch.setattr(ledger_db, "_BUSY", 0.1)
    other = sqlite3.connect(ledger_of / "jobs.sqlite")
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(LakeError, match="another process has held"), Ledger(ledger_of) as ledger:
        ledger.totals(WANTED.id)
    other.close()


@pytest.mark.parametrize("name", ["jobs.sqlite", "index.sqlite"])
def test_a_folder_in_the_place_of_a_file_is_a_clear_error_or_done_without(tmp_path, name):
    (tmp_path / name).mkdir()
    lake = Lake(tmp_path)
    lake.append("KRW-BTC", "1m", make_candles([START]), Spans([(START, START + 60_000)]))
    assert lake.read("KRW-BTC", "1m", START, START + 60_000).height == 1
    if name == "jobs.sqlite":
        with pytest.raises(LakeError, match=r"jobs\.sqlite"), Ledger(tmp_path) as ledger:
            ledger.totals("none")


@pytest.fixture
def lake_of(tmp_path):
    """A lake of ten minutes of a market, and an index that knows them."""
    lake = Lake(tmp_path)
    times = range(START, START + 600_000, 60_000)
    covering = Spans([(START, START + 600_000)])
    lake.append("KRW-BTC", "1m", make_candles(times), covering)
    lake.latest("KRW-BTC", "1m")
    lake.index._database.close()
    remember(tmp_path / "index.sqlite")
    return tmp_path


@pytest.mark.parametrize("fault", FAULTS, ids=lambda each: each.__name__)
def test_an_index_is_made_anew_and_never_believed_against_the_files(lake_of, fault):
    fault(lake_of / "index.sqlite")
    for _ in range(2):
        lake = Lake(lake_of)
        assert lake.read("KRW-BTC", "1m", START, START + 600_000).height == 10
        assert lake.latest("KRW-BTC", "1m").height == 10
        assert lake.coverage("KRW-BTC", "1m")["slots"].sum() == 10
        assert lake.catalog()["rows"].to_list() == [10]
        lake.freeze(f"set-{_}")
        assert lake.verify(f"set-{_}").is_empty()
    # Whoever comes later finds an index that knows the candles.
    with closing(sqlite3.connect(lake_of / "index.sqlite")) as connection, connection:
        assert connection.execute("SELECT rows FROM chunks").fetchall() == [(10,)]
    connection.close()


def test_an_index_that_another_holds_is_done_without(lake_of, monkeypatch):
    monkeypatch.setattr(database, "_BUSY", 0.1)
    other = sqlite3.connect(lake_of / "index.sqlite")
    other.execute("BEGIN EXCLUSIVE")
    assert Lake(lake_of).read("KRW-BTC", "1m", START, START + 600_000).height == 10
    other.close()


@pytest.fixture
def cache_of(tmp_path):
    """A folder with a cache that has one answer."""
    store = ResponseStore(tmp_path, max_bytes=100_000)
    asyncio.run(store.put("key", b"body", made_at=1, expires_at=9))
    store.close()
    remember(tmp_path / "responses.sqlite")
    return tmp_path


@pytest.mark.parametrize("fault", FAULTS, ids=lambda each: each.__name__)
def test_a_cache_costs_no_error_and_keeps_again(cache_of, fault):
    fault(cache_of / "responses.sqlite")
    store = ResponseStore(cache_of, max_bytes=100_000)
    asyncio.run(store.get("key", now=5))
    asyncio.run(store.put("key", b"newer", made_at=2, expires_at=9))
    assert asyncio.run(store.get("key", now=5)).body == b"newer"
    store.close()


STRANGE = [random_bytes, zeros, empty, text, huge]


@pytest.mark.parametrize("fault", STRANGE, ids=lambda each: each.__name__)
def test_a_ban_or_a_budget_of_other_bytes_is_none_and_is_kept_anew(tmp_path, fault):
    fault(tmp_path / "x.ban")
    ban = Ban(tmp_path / "x.ban", host="api.upbit.com")
    ban.check()
    ban.impose(60)
    with pytest.raises(Banned):
        Ban(tmp_path / "x.ban", host="api.upbit.com").check()
    fault(tmp_path / "x.bin")
    for sent in (time.monotonic(), None):
        shared = SharedState(tmp_path / "x.bin", RateLimit(10, 1.0), time.monotonic)
        if sent is not None:
            shared.update(lambda state, _now, at=sent: setattr(state, "last_sent", at))
        assert shared.update(lambda state, _now: state.last_sent) > 0
        shared.close()
