"""`marketkit worker`: refused with a word where there is nobody to work for."""

from __future__ import annotations

import socket

import pytest


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nobody",), "no address of a Dask scheduler"),
        (("tcp://127.0.0.1:8786", "--address", "192.0.2.7"), "not one of this machine"),
    ],
)
def test_what_cannot_be_is_bad_usage(run, words, said):
    code, _, told = run("worker", *words)
    assert code == 2
    assert said in told


@pytest.mark.parametrize(
    "words", [(), ("tcp://a:1", "--threads", "0"), ("tcp://a:1", "--lake", "somewhere")]
)
def test_a_scheduler_is_needed_and_the_lake_is_that_of_the_job(run, words):
    with pytest.raises(SystemExit) as ended:
        run("worker", *words)
    assert ended.value.code == 2


def test_a_scheduler_that_is_away_is_a_failure(run):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens there
        code, _, told = run("worker", f"tcp://127.0.0.1:{taken.getsockname()[1]}")
    assert code == 1
    assert "no Dask scheduler answers" in told
