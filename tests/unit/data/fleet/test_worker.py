"""A Dask worker of ours: checked before anything is opened, and no secret door for others."""

from __future__ import annotations

import asyncio
import socket
import sys

import pytest

from marketkit.data.fleet import worker
from marketkit.data.fleet.worker import WorkerOptions, serve
from marketkit.errors import InputError, MissingExtra, Unreachable


@pytest.mark.parametrize(
    ("scheduler", "host"),
    [
        ("tcp://127.0.0.1:8786", ("127.0.0.1", 8786)),
        ("tls://scheduler.lab:1", ("scheduler.lab", 1)),
        ("scheduler:8786", ("scheduler", 8786)),
        ("tcp://[::1]:8786", ("::1", 8786)),
    ],
)
def test_the_address_of_a_scheduler_is_read(scheduler, host):
    assert WorkerOptions(scheduler).host == host


@pytest.mark.parametrize(
    "scheduler", ["", "tcp://", "127.0.0.1", "http://127.0.0.1:8786", "tcp://a b:1", "tcp://a:x"]
)
def test_what_is_no_scheduler_is_refused(scheduler):
    with pytest.raises(InputError, match="is no address of a Dask scheduler"):
        WorkerOptions(scheduler)


def test_requests_leave_from_an_address_of_this_machine_or_from_none(monkeypatch):
    assert WorkerOptions("a:1").environment == {}
    assert WorkerOptions("a:1", "127.0.0.1").environment == {"MARKETKIT_ADDRESS": "127.0.0.1"}
    monkeypatch.setenv("MARKETKIT_ADDRESS", "127.0.0.1")
    assert WorkerOptions("a:1").environment == {"MARKETKIT_ADDRESS": "127.0.0.1"}
    with pytest.raises(InputError, match=r"address='192\.0\.2\.7' is not one of this machine"):
        WorkerOptions("a:1", "192.0.2.7")
    with pytest.raises(InputError, match="is no IP address"):
        WorkerOptions("a:1", "here")


def test_a_scheduler_that_does_not_answer_is_named():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens there
        port = taken.getsockname()[1]
        with pytest.raises(
            Unreachable, match=f"no Dask scheduler answers at tcp://127.0.0.1:{port}"
        ):
            asyncio.run(serve(WorkerOptions(f"tcp://127.0.0.1:{port}")))


def test_dask_is_an_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingExtra, match=r"marketkit-upbit\[dask\]"):
        asyncio.run(serve(WorkerOptions("tcp://127.0.0.1:9")))


def test_a_worker_listens_where_its_scheduler_reaches_it_and_nowhere_else():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        options = WorkerOptions(f"127.0.0.1:{listening.getsockname()[1]}", threads=3, name="one")
        here = worker._reached_from(options)
        given = worker._nanny(lambda *_, **given: given, options, here)
    assert (given["host"], given["nthreads"], given["name"]) == ("127.0.0.1", 3, "one")
    assert given["dashboard"] is False
