"""The command line of the sandbox."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys

import httpx
import pytest

from marketkit.sandbox import add_arguments, run
from tests.waiting import PATIENCE

COMMAND = [sys.executable, "-m", "marketkit.sandbox"]


def parsed(*argv):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(argv)


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_one_line_of_json_when_it_listens_and_ends_on_a_signal(end):
    flags = [
        "--now",
        "2026-11-20T10:00:00",
        "--speed",
        "0",
        "--limit",
        "candles=2/5",
        "--limit",
        "market=3/5",
    ]
    with subprocess.Popen(
        [*COMMAND, *flags], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        ready = json.loads(server.stdout.readline())
        assert set(ready) == {"endpoint", "pid"}
        assert ready["pid"] == server.pid
        reply = httpx.get(f"{ready['endpoint']}/v1/candles/days?market=KRW-BTC", timeout=PATIENCE)
        assert reply.headers["remaining-req"] == "group=candles; min=24; sec=1"
        os.kill(server.pid, end)
        assert server.communicate() == ("", "")
    assert server.returncode == 0


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--history", "/nowhere"], "does not exist"),
        (["--history", "KRW-A:1m=/nowhere", "--history", "x"], "should look like"),
        (["--fault", "429"], "should look like KIND=P"),
        (["--fault", "429=x"], "no number"),
        (["--fault", "429=2"], "is not a probability"),
        (["--limit", "10/0"], "lets nothing through"),
        (["--limit", "candle=10/1"], "unknown rate group"),
        (["--now", "soon"], "no ISO date"),
        (["--speed", "-1"], "not negative"),
    ],
)
def test_flags_that_make_no_sense_exit_with_2(capsys, flags, message):
    assert run(parsed(*flags)) == 2
    assert message in capsys.readouterr().err


def test_flags_of_the_wrong_kind_are_a_usage_error():
    with pytest.raises(SystemExit, match="2"):
        parsed("--limit-window", "tumbling")


def test_importing_the_sandbox_loads_neither_uvicorn_nor_polars():
    code = "import sys, marketkit.sandbox; print([m for m in ('uvicorn', 'polars', 'asyncio') if m in sys.modules])"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert loaded.stdout.strip() == "[]"
