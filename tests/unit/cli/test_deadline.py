"""A command with `--max-time` ends by then, and what closes it has a moment more."""

from __future__ import annotations

import argparse
import asyncio
import time

import pytest

from marketkit.cli.deadline import OutOfTime, deadline_of, open_until, opening, seconds_until, until
from marketkit.cli.options import open_provider
from marketkit.errors import TimedOut, Unreachable
from marketkit.net.engine import engine
from tests.waiting import soon


def given(tmp_path, **more: object) -> argparse.Namespace:
    return argparse.Namespace(
        endpoint="http://127.0.0.1:9", region=None, lake=tmp_path / "lake", **more
    )


def test_the_time_counts_from_the_start_of_the_command():
    assert deadline_of(argparse.Namespace(max_time="8s", began=100.0)) == 108.0
    assert deadline_of(argparse.Namespace(max_time="8s")) >= time.monotonic() + 7
    assert deadline_of(argparse.Namespace(max_time=None, began=100.0)) is None


def test_what_is_left_is_a_moment_at_least():
    assert seconds_until(None) is None
    assert seconds_until(time.monotonic() - 5) > 0
    assert 4 < seconds_until(time.monotonic() + 5) <= 5


def test_a_call_ends_soon_after_the_deadline_and_the_work_is_cancelled():
    ended = []

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(True)

    def attempt() -> tuple[float, None]:
        began = time.monotonic()
        with pytest.raises(OutOfTime, match="max-time"), until(began + 0.1):
            engine().run(work())
        return time.monotonic() - began, None

    soon(5, attempt)
    engine().run(asyncio.sleep(0))
    assert set(ended) == {True}


def test_what_opens_a_stream_has_time_for_one_answer_at_least():
    options = argparse.Namespace(began=time.monotonic())
    with opening(options, options.began + 0.01):
        assert engine().run(asyncio.sleep(0.05, "answer")) == "answer"
    with pytest.raises(OutOfTime), opening(options, options.began + 0.01):
        engine().run(asyncio.sleep(60))
    assert time.monotonic() - options.began < 60
    with opening(options, None):
        pass


def test_a_call_without_a_deadline_takes_its_time():
    with until(None):
        assert engine().run(asyncio.sleep(0.01, "done")) == "done"


def test_a_time_out_of_a_request_stays_what_it_is():
    with pytest.raises(TimedOut) as raised, until(time.monotonic() + 60):
        raise TimedOut("no answer")
    assert not isinstance(raised.value, OutOfTime)


def test_a_provider_is_closed_and_errors_pass(tmp_path):
    with pytest.raises(Unreachable), open_until(given(tmp_path), None) as provider:
        raise Unreachable(str(provider))


def test_a_provider_that_does_not_close_is_left_after_a_moment(tmp_path, monkeypatch):
    options = given(tmp_path)
    kind = type(open_provider(options))
    monkeypatch.setattr(kind, "close", lambda _: engine().run(asyncio.sleep(60)))

    def attempt() -> tuple[float, None]:
        began = time.monotonic()
        with open_until(options, began):
            pass
        return time.monotonic() - began, None

    soon(5, attempt)
