"""Work for an executor: refused where it cannot travel, opened by the same marketkit alone."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from concurrent.futures import (
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from types import SimpleNamespace

import pytest

from marketkit.errors import EngineClosed, InputError, MarketkitError, NotPicklable, UnknownSymbol
from marketkit.net import fork, parcels
from marketkit.net.parcels import check_executor, failure_of, pack, require_version, send, unpack
from tests.waiting import PATIENCE

FORKS = "fork" in multiprocessing.get_all_start_methods()


class Here(Executor):
    """An executor that does its work at once, and keeps what it was sent."""

    def __init__(self) -> None:
        self.sent = []

    def submit(self, work, /, *arguments, **named):
        """Do the work."""
        self.sent.append(arguments)
        future = Future()
        future.set_result(work(*arguments, **named))
        return future


def add(one, other):
    return one + other


def test_work_is_done_over_there_with_its_arguments():
    on = Here()
    assert send(on, pack(add, 1, 2)).result(PATIENCE) == 3
    parcel = pack(add, 1, 2)
    send(on, parcel)
    send(on, parcel)
    first, second = on.sent[-2:]
    assert first[:2] == second[:2]
    assert first != second  # Dask would give the result of the first again


def test_functions_of_a_notebook_travel_where_cloudpickle_is_installed(monkeypatch):
    more = 5
    assert unpack(*pack(lambda: 2 + more)) == 7
    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    with pytest.raises(NotPicklable, match="lambda"):
        pack(lambda: 2)
    assert unpack(*pack(add, 1, 2)) == 3


def test_work_that_cannot_travel_is_named_with_a_reason():
    lock = threading.Lock()

    def holding():
        return lock

    with pytest.raises(NotPicklable, match=r"holding cannot be pickled: .*lock.*;\n") as failed:
        pack(holding)
    assert isinstance(failed.value, InputError)
    assert len(str(failed.value).splitlines()) == 2
    with pytest.raises(NotPicklable, match="add cannot be pickled"):
        pack(add, lock, 1)
    with pytest.raises(NotPicklable, match="holding cannot be pickled"):
        pack(add, holding, 1)  # the caller's, not ours


def test_a_worker_with_another_marketkit_refuses_before_it_reads(monkeypatch):
    _, content, mark = pack(add, 1, 2)
    with pytest.raises(InputError, match=r"has marketkit \S+, and the work is of 0\.0\.0;\n"):
        unpack("0.0.0", b"no pickle at all", mark)
    with pytest.raises(InputError, match="install the same version"):
        require_version("0.0.0")
    monkeypatch.setattr(parcels, "library_version", lambda: "0.0.0")
    assert unpack("0.0.0", content, mark) == 3


def test_a_child_made_by_fork_refuses_before_it_reads(monkeypatch):
    version, _, mark = pack(add, 1, 2)
    monkeypatch.setattr(fork, "_PROCESS", SimpleNamespace(broken=True))
    with pytest.raises(EngineClosed, match="spawn"):
        unpack(version, b"no pickle at all", mark)


@pytest.mark.skipif(not FORKS, reason="no fork here")
def test_an_executor_that_forks_is_refused_before_it_is_given_anything():
    refused = pytest.raises(InputError, match=r"by fork(.|\n)*get_context\('spawn'\)")
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool, refused:
        check_executor(pool)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as spawning:
        assert check_executor(spawning) is spawning
    with ThreadPoolExecutor(1) as threads:
        assert check_executor(threads) is threads


@pytest.mark.parametrize(
    ("on", "hint"),
    [
        (4, "on=int is no concurrent"),
        ("tcp://127.0.0.1:8786", "on=str"),
        (SimpleNamespace(get_executor=None), r"on=client\.get_executor\(\)"),
        (ThreadPoolExecutor, "on=type"),
    ],
)
def test_what_is_no_executor_is_refused_with_a_word_for_clients_of_dask(on, hint):
    with pytest.raises(InputError, match=hint):
        check_executor(on)


def test_an_executor_that_is_closed_takes_no_work():
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    with pytest.raises(MarketkitError, match="with a new one the same call goes on"):
        send(pool, pack(add, 1, 2))


class KilledWorker(Exception):
    """As Dask calls it."""


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (KilledWorker("three times"), "does no more work: KilledWorker: three times"),
        (CancelledError(), "does no more work"),
        (ImportError("No module named 'marketkit'"), "a worker has no marketkit of version"),
    ],
)
def test_failures_of_executors_say_what_to_do(error, said):
    told = failure_of(error)
    assert isinstance(told, MarketkitError)
    assert said in str(told)


def test_failures_of_the_work_itself_stay_as_they_are():
    for error in (UnknownSymbol("KRW-X"), ZeroDivisionError(), ImportError("no module 'numpy'")):
        assert failure_of(error) is error
    wrapped = RuntimeError("Error during deserialization")
    wrapped.__cause__ = ModuleNotFoundError("No module named 'marketkit.net.parcels'")
    assert "no marketkit" in str(failure_of(wrapped))


def test_a_process_is_named_by_host_and_number():
    assert parcels.whereabouts().endswith(f":{os.getpid()}")
