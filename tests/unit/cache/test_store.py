"""Answers outlive a process, and nothing that befalls their file costs a caller more than 2 s."""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from marketkit.cache.store import ResponseStore, StoredResponse
from tests.waiting import soon

NOW = 1_790_000_000_000
BODY = b'[{"market":"KRW-BTC"}]'
BOUND = 2.0 + 4.0  # seconds: the patience, and what a busy machine may take
PLENTY = 1 << 24

# Holds the write lock of a SQLite file for some seconds, as another program would.
HOLDER = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
time.sleep(float(sys.argv[2]))
connection.execute("COMMIT")
"""


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def store(folder):
    made = ResponseStore(folder, max_bytes=PLENTY)
    yield made
    made.close()


def put(store, key="markets", body=BODY, made_at=NOW, expires_at=NOW + 1000):
    asyncio.run(store.put(key, body, made_at=made_at, expires_at=expires_at))


def get(store, key="markets", now=NOW):
    return asyncio.run(store.get(key, now=now))


def test_what_was_put_is_given_back_with_its_times(store):
    put(store)
    assert get(store) == StoredResponse(BODY, NOW, NOW + 1000)
    assert get(store, "other") is None


def test_an_expired_body_is_given_too_and_says_so(store):
    put(store)
    assert get(store, now=NOW + 5000).expires_at == NOW + 1000


def test_what_was_made_in_the_future_is_not_given(store):
    put(store)
    assert get(store, now=NOW - 1) is None


def test_a_later_body_replaces_the_earlier_one(store):
    put(store)
    put(store, body=b"[]", made_at=NOW + 1)
    assert get(store, now=NOW + 1) == StoredResponse(b"[]", NOW + 1, NOW + 1000)
    assert store.stats().entries == 1


def test_making_a_store_opens_and_makes_nothing(folder):
    ResponseStore(folder, max_bytes=PLENTY)
    assert not folder.exists()


def test_the_folder_is_its_owners_alone(store, folder):
    put(store)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_another_process_finds_what_was_put(store, folder):
    put(store)
    code = (
        "import asyncio, sys; from pathlib import Path; from marketkit.cache.store import ResponseStore\n"
        "store = ResponseStore(Path(sys.argv[1]), max_bytes=1 << 24)\n"
        "print(asyncio.run(store.get('markets', now=int(sys.argv[2]))).body.decode())"
    )
    command = [sys.executable, "-c", code, str(folder), str(NOW)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout.strip().encode() == BODY


def test_the_bodies_stay_within_the_bound_and_the_first_written_go_first(folder):
    store = ResponseStore(folder, max_bytes=10_000)
    for number in range(30):
        put(store, f"key {number}", bytes(1_000))
    put(store, "key 25", bytes(1_000))
    for number in range(30, 34):
        put(store, f"key {number}", bytes(1_000))
    there = [number for number in range(34) if get(store, f"key {number}")]
    assert there == [25, 26, 27, 28, 29, 30, 31, 32, 33][-len(there) :]
    assert 25 in there
    assert store.stats().bytes <= 10_000
    store.close()


def test_a_body_larger_than_the_bound_is_not_kept(folder):
    store = ResponseStore(folder, max_bytes=100)
    put(store, body=bytes(101))
    assert get(store) is None
    assert not folder.exists() or store.stats().entries == 0
    store.close()


def test_any_key_is_safe_in_a_query(store):
    keys = ["a'; DROP TABLE responses; --", '"', "가", "a" * 10_000]
    for number, key in enumerate(keys):
        put(store, key, str(number).encode())
    assert [get(store, key).body for key in keys] == [b"0", b"1", b"2", b"3"]


def test_a_deleted_file_is_made_anew(store, folder):
    put(store)
    for path in folder.iterdir():
        path.unlink()
    assert get(store) is None
    put(store)
    assert get(store).body == BODY


def test_a_deleted_folder_is_made_anew(store, folder):
    put(store)
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    put(store)
    assert get(store).body == BODY


def test_a_file_of_rubbish_is_set_aside_and_begun_anew(store, folder, caplog):
    folder.mkdir()
    (folder / "responses.sqlite").write_bytes(b"this is no database at all" * 500)
    with caplog.at_level(logging.WARNING, "marketkit.cache"):
        put(store)
    assert get(store).body == BODY
    assert (folder / "responses.sqlite.broken").read_bytes().startswith(b"this is no database")
    assert "set aside" in caplog.text


def test_a_file_damaged_inside_never_gives_a_wrong_body(store, folder):
    for number in range(200):
        put(store, f"key {number}", str(number).encode() * 300)
    store.close()
    path = folder / "responses.sqlite"
    content = bytearray(path.read_bytes())
    for at in range(4096, len(content), 1500):
        content[at : at + 40] = os.urandom(40)
    path.write_bytes(content)
    for number in range(200):
        kept = get(store, f"key {number}")
        assert kept is None or kept.body == str(number).encode() * 300
    put(store)
    assert get(store).body == BODY


def test_a_value_of_some_other_program_is_a_miss(store, folder):
    put(store)
    with closing(sqlite3.connect(folder / "responses.sqlite")) as connection, connection:
        connection.execute("UPDATE responses SET value = 'text'")
    connection.close()
    assert get(store) is None


def test_a_folder_that_may_not_be_written_costs_misses_only(tmp_path, caplog):
    (tmp_path / "file").write_text("a file where a folder should be")
    store = ResponseStore(tmp_path / "file" / "cache", max_bytes=PLENTY)
    began = time.monotonic()
    put(store)
    assert get(store) is None
    assert time.monotonic() - began < BOUND
    assert "cannot put" in caplog.text
    assert store.stats().failures >= 1


READER = """
import asyncio, os, sys
from pathlib import Path
import concurrent.futures.thread, marketkit.cache.table  # while the libraries may be read
from marketkit.cache.store import ResponseStore
if os.geteuid() == 0:
    os.setuid(65534)  # root may write everywhere
store = ResponseStore(Path(sys.argv[1]), max_bytes=1 << 24)
async def main():
    await store.put("key", b"body", made_at=1, expires_at=2)
    print(await store.get("key", now=3), store.stats().failures)
asyncio.run(main())
"""


@pytest.mark.skipif(os.name == "nt", reason="no such permissions there")
def test_a_read_only_folder_costs_misses_only():
    with tempfile.TemporaryDirectory() as base:
        folder = Path(base) / "cache"
        folder.mkdir()
        for each in (folder, Path(base)):
            each.chmod(0o555)
        command = [sys.executable, "-c", READER, str(folder)]

        def attempt() -> tuple[float, subprocess.CompletedProcess[str]]:
            began = time.monotonic()
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            return time.monotonic() - began, done

        done = soon(BOUND, attempt)
        assert done.stdout.split()[0] == "None"
        assert int(done.stdout.split()[1]) >= 2
        Path(base).chmod(0o700)


def test_a_full_disk_costs_what_was_to_be_written_only(folder):
    """A child may not write files beyond 64 kB: the disk is full for it."""
    code = (
        "import asyncio, resource, signal, sys\n"
        "from pathlib import Path\n"
        "from marketkit.cache.store import ResponseStore\n"
        "store = ResponseStore(Path(sys.argv[1]), max_bytes=1 << 24)\n"
        "async def main():\n"
        "    await store.put('small', b'kept', made_at=1, expires_at=2)\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))\n"
        "    await store.put('large', bytes(1 << 20), made_at=1, expires_at=2)\n"
        "    small, large = await store.get('small', now=3), await store.get('large', now=3)\n"
        "    print(small.body.decode(), large, store.stats().failures)\n"
        "asyncio.run(main())\n"
    )
    command = [sys.executable, "-c", code, str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["kept", "None", "1"]
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 65536


def hold(folder, seconds):
    """Have another process hold the write lock of the file."""
    path = str(folder / "responses.sqlite")
    command = [sys.executable, "-c", HOLDER, path, str(seconds)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    process.stdout.readline()
    return process


@pytest.mark.slow
def test_a_lock_held_by_another_process_for_ten_seconds_costs_two_at_most(store, folder):
    put(store)
    with hold(folder, 10) as process:
        waits = []
        while process.poll() is None:
            for call in (put, get):
                began = time.monotonic()
                call(store)
                waits.append(time.monotonic() - began)
            time.sleep(0.1)
        assert max(waits) < BOUND
        assert get(store).body == BODY  # readers are not in the way of a writer
    time.sleep(10)  # the rest after a failure
    put(store, body=b"[]")
    assert get(store).body == b"[]"


@pytest.mark.slow
def test_a_lock_held_while_the_file_is_first_opened_costs_two_seconds_at_most(folder):
    first = ResponseStore(folder, max_bytes=PLENTY)
    put(first)
    first.close()
    with hold(folder, 60) as process:
        store = ResponseStore(folder, max_bytes=PLENTY)
        for call in (get, put, get, put):
            began = time.monotonic()
            call(store)
            assert time.monotonic() - began < BOUND
        assert process.poll() is None
        store.close()
        process.kill()


@pytest.mark.slow
def test_who_waits_to_write_does_not_keep_readers_waiting(store, folder):
    put(store)
    with hold(folder, 3):
        writer = threading.Thread(target=put, args=(store, "other"))
        writer.start()
        waits = []
        while writer.is_alive():
            began = time.monotonic()
            assert get(store).body == BODY
            waits.append(time.monotonic() - began)
        writer.join()
    assert sorted(waits)[len(waits) // 2] < 0.2


def test_many_threads_and_stores_read_and_write_at_once_without_a_wrong_word(folder):
    stores = [ResponseStore(folder, max_bytes=PLENTY) for _ in range(2)]

    async def work(store, turn):
        key = f"key {turn % 7}"
        await store.put(key, key.encode() * 50, made_at=NOW, expires_at=NOW)
        kept = await store.get(key, now=NOW)
        return kept is None or kept.body == key.encode() * 50

    async def main():
        return await asyncio.gather(*(work(stores[n % 2], n) for n in range(200)))

    assert all(asyncio.run(main()))
    assert sum(store.stats().hits for store in stores) > 150
    for store in stores:
        store.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_made_by_fork_opens_the_file_for_itself(store):
    put(store)
    child = os.fork()
    if child == 0:
        fine = False
        try:
            put(store, "child", b"child")
            fine = get(store).body == BODY
        finally:
            os._exit(0 if fine else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert get(store, "child").body == b"child"
