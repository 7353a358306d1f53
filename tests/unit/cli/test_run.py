"""A run of jobs ends when it should, says why, and is ended by SIGTERM in good order."""

from __future__ import annotations

import argparse
import concurrent.futures
import contextlib
import json
import re
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from marketkit.cli.output import Output
from marketkit.cli.run import CommandRun, begin_run, say_summary
from marketkit.data.jobs.report import Report
from marketkit.errors import InputError, Offline, TimedOut
from marketkit.progress import Progress
from marketkit.timeframe import parse_timeframe


def report(**more: object) -> Report:
    numbers = dict.fromkeys(("absent", "unknown", "requests", "rows", "revisions"), 0)
    given = {"symbols": ("KRW-BTC",), "traded": 10, "empty": 0, "failures": {}, **numbers, **more}
    return Report(timeframe=parse_timeframe("1m"), start=0, end=600_000, seconds=0.5, **given)


class _Work:
    """A job whose end is the test's to say: a report, or an error that waiting for it raises."""

    def __init__(self, end: Report | BaseException) -> None:
        self.end = end
        self.calls: list[str] = []
        # Begun a minute ago: progress that is younger is not written where there is no terminal.
        self.progress = Progress("work", total=10, done=4, started=time.monotonic() - 60)
        self.progress.requests, self.progress.rows = 2, 3
        self.wanted = SimpleNamespace(symbols=("KRW-BTC", "KRW-ETH"))
        self.waited: float | None = None

    def wait(self, timeout: float | None) -> Report:
        self.waited = timeout
        if isinstance(self.end, BaseException):
            raise self.end
        return self.end

    def leave(self) -> None:
        self.calls.append("leave")

    def join(self) -> None:
        self.calls.append("join")

    def watch(self, draw) -> None:
        draw()


def done(run: CommandRun, end: Report | BaseException) -> tuple[Report | None, _Work]:
    work = _Work(end)
    return run.work(lambda _: work), work


def test_a_job_that_is_complete_is_done():
    run = CommandRun(None)
    whole = report()
    given, work = done(run, whole)
    assert given is whole
    assert work.calls == []
    assert (run.code, run.stopped, run.summary()["state"]) == (0, "", "done")


def test_one_incomplete_job_of_several_is_incomplete():
    run = CommandRun(None)
    done(run, report())
    done(run, report(unknown=3))
    assert (run.code, run.summary()["state"]) == (3, "incomplete")


def test_a_job_that_outlasts_the_deadline_is_left_and_waited_for():
    run = CommandRun(time.monotonic() + 60)
    given, work = done(run, TimeoutError())
    assert given is None
    assert 0 < work.waited <= 60
    assert work.calls == ["leave", "join"]
    assert (run.code, run.summary()["state"]) == (3, "max-time")


def test_a_job_cancelled_elsewhere_is_waited_for():
    run = CommandRun(None)
    given, work = done(run, concurrent.futures.CancelledError())
    assert given is None
    assert work.calls == ["join"]
    assert (run.code, run.stopped) == (3, "cancelled")


def test_ctrl_c_leaves_the_job_and_goes_on_upwards():
    run = CommandRun(None)
    work = _Work(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        run.work(lambda _: work)
    assert work.calls == ["leave", "join"]


def test_a_failure_goes_on_upwards():
    with pytest.raises(TimedOut):
        done(CommandRun(None), TimedOut("too slow"))


def test_progress_is_drawn_for_people_and_logged_as_json_for_programs(capsys):
    shown = []
    CommandRun(None).work(lambda show: shown.append(show) or _Work(report()))
    CommandRun(None, as_json=True).work(lambda show: shown.append(show) or _Work(report()))
    assert shown == [True, False]
    lines = capsys.readouterr().err.splitlines()
    assert {json.loads(line)["job"] for line in lines} == {"work"}


def test_the_end_by_sigterm_leaves_the_job_at_work_and_is_the_reason():
    run = CommandRun(None)
    work = _Work(concurrent.futures.CancelledError())
    run.job = work
    run.terminate()
    assert work.calls == ["leave"]
    assert run.ended.is_set()
    assert (run.code, run.summary()["state"]) == (3, "SIGTERM")
    done(run, concurrent.futures.CancelledError())
    assert run.stopped == "SIGTERM"


def test_a_summary_adds_up_its_reports():
    run = CommandRun(None)
    done(run, report(symbols=("KRW-BTC", "KRW-ETH"), requests=2, rows=5, unknown=1))
    done(run, report(symbols=("KRW-BTC",), requests=3, failures={"KRW-BTC": TimedOut("slow")}))
    said = run.summary("busy")
    assert said.pop("seconds") >= 0
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", said.pop("at"))
    assert said == {
        "state": "busy", "jobs": 2, "left": 0, "symbols": 2, "slots": 21, "done": 20, "unknown": 1,
        "requests": 5, "rows": 5, "revisions": 0, "failures": 1,
    }  # fmt: skip


CUTS = [TimeoutError(), concurrent.futures.CancelledError(), KeyboardInterrupt(), TimedOut("slow")]


@pytest.mark.parametrize("end", CUTS, ids=lambda end: type(end).__name__)
def test_a_summary_says_of_a_job_that_was_cut_how_far_it_came(end):
    run = CommandRun(time.monotonic() + 60, planned=3)
    done(run, report())
    with contextlib.suppress(KeyboardInterrupt, TimedOut):
        done(run, end)
    said = run.summary()
    assert (said["jobs"], said["left"], said["symbols"]) == (1, 2, 2)
    assert (said["slots"], said["done"], said["unknown"]) == (20, 14, 6)
    assert (said["requests"], said["rows"]) == (2, 3)


def test_what_is_left_of_a_job_that_did_not_know_is_not_zero():
    run = CommandRun(None)
    work = _Work(TimedOut("slow"))
    work.progress.total = 0
    with pytest.raises(TimedOut):
        run.work(lambda _: work)
    said = run.summary()
    assert (said["state"], said["slots"], said["unknown"]) == ("incomplete", None, None)


def test_the_line_of_a_run_has_the_time_the_lake_and_the_file(capsys):
    options = argparse.Namespace(config=Path("a b.toml"))
    say_summary(Output(as_json=False), CommandRun(None), options, Path("lake"), "failed: a\nb")
    line = capsys.readouterr().out
    assert line.startswith("marketkit backfill: state=failed: a b jobs=0")
    assert line.endswith(' lake=lake config="a b.toml"\n')
    say_summary(Output(as_json=True), CommandRun(None), argparse.Namespace(), Path("lake"))
    assert "config" not in json.loads(capsys.readouterr().out)


def test_what_a_run_goes_on_after_is_told_in_the_form_of_its_log(capsys):
    for as_json in (False, True):
        CommandRun(None, as_json=as_json).tell("waiting", "waiting for the exchange", Offline("no"))
    text, value = capsys.readouterr().err.splitlines()
    assert text == "waiting for the exchange: no"
    assert json.loads(value) == {"waiting": "Offline", "message": text}


def test_a_run_begins_with_the_deadline_that_was_chosen():
    began = time.monotonic()
    run = begin_run(argparse.Namespace(max_time="1h", log_format="json"))
    assert began + 3600 <= run.deadline <= time.monotonic() + 3600
    assert run.as_json
    assert not run.over
    endless = begin_run(argparse.Namespace(max_time=None, log_format="text"))
    assert (endless.deadline, endless.as_json, endless.over) == (None, False, False)
    assert CommandRun(began).over
    with pytest.raises(InputError, match="soon"):
        begin_run(argparse.Namespace(max_time="soon", log_format="text"))
