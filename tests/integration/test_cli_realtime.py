"""Streams on the command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

import marketkit as mk
from marketkit.cli.main import main
from marketkit.sandbox import Sandbox
from tests.waiting import PATIENCE, given_time


@pytest.fixture(scope="module")
def endpoint():
    with Sandbox(seed=1, now="2026-11-20T00:00:30Z", speed=20) as exchange:
        yield exchange.endpoint


@pytest.fixture
def run(endpoint, tmp_path, capsys):
    def command(*arguments: str) -> tuple[int, str, str]:
        code = main([*arguments, "--endpoint", endpoint, "--lake", str(tmp_path / "lake")])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return command


def test_watch_prints_a_line_an_event_and_ends_after_so_many(run):
    code, out, _ = run("watch", "KRW-BTC", "--channel", "trade", "--count", "3", "--json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [row["symbol"] for row in rows] == ["KRW-BTC"] * 3
    assert rows[0]["time"].startswith("2026-11-20T00:")
    code, out, _ = run("watch", "KRW-BTC", "KRW-ETH", "--channel", "orderbook", "--count", "2")
    assert code == 0
    assert len(out.splitlines()) == 2
    assert all(len(line.split()) == 6 for line in out.splitlines())


def test_watch_says_by_its_code_that_fewer_came_than_were_asked_for(run):
    code, _, _ = run("watch", "KRW-BTC", "--count", "100000", "--max-time", "1s")
    assert code == 3
    code, _, _ = given_time(
        lambda limit: run("watch", "KRW-BTC", "--max-time", limit), lambda said: said[0] == 0
    )
    assert code == 0


def test_wrong_words_are_bad_usage(run):
    code, _, err = run("watch", "KRW-BTC", "--channel", "tickr")
    assert code == 2
    assert "ticker" in err
    assert run("watch", "KRW-BCT")[0] == 2
    assert run("record", "KRW-BTC", "--channels", "nothing", "--to", "unused")[0] == 2


def test_record_ends_after_its_time_with_everything_on_disk(run, tmp_path):
    record = ("record", "KRW-BTC", "--channels", "trade,ticker", "--json", "--to")
    tapes = []

    def recorded(limit):
        tapes.append(tmp_path / limit)
        return run(*record, str(tapes[-1]), "--max-time", limit)

    code, out, _ = given_time(
        recorded, lambda said: said[0] == 0 and json.loads(said[1])["counts"]["trade"] > 0
    )
    said = json.loads(out)
    assert code == 0
    assert said["counts"]["trade"] > 0
    assert mk.read_recording(tapes[-1], "trade").height == said["counts"]["trade"]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_recording_and_nothing_is_lost(how, endpoint, tmp_path):
    tape = tmp_path / "tape"
    environment = {**os.environ, "MARKETKIT_LAKE": str(tmp_path / "lake")}
    process = subprocess.Popen(
        [sys.executable, "-m", "marketkit", "record", "KRW-BTC", "--channels", "ticker",
         "--to", str(tape), "--endpoint", endpoint, "--json"],
        stdout=subprocess.PIPE, env=environment,
    )  # fmt: skip
    end = time.monotonic() + PATIENCE
    while not list(tape.rglob("*.part.parquet")):
        assert time.monotonic() < end, "nothing was recorded"
        time.sleep(0.02)
    process.send_signal(how)
    out, _ = process.communicate(timeout=PATIENCE)
    said = json.loads(out)
    assert process.returncode == 130
    assert mk.read_recording(tape, "ticker").height == said["counts"]["ticker"] > 0
    assert not list(tape.rglob("*.part.parquet"))
