"""A run that was cut says what was done and what is left; a plan says it before."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request

import pytest

from marketkit.cli.main import main
from marketkit.data.lake.lake import Lake
from marketkit.sandbox import Sandbox
from tests.waiting import PATIENCE, given_time

LARGE = """
[[universe]]
symbols = ["KRW-BTC", "KRW-ETH"]
depth = { 1m = "200d", 1h = "5d" }
"""
SMALL = '[[universe]]\nsymbols = ["KRW-BTC"]\ndepth = { 1h = "5d", 1d = "30d" }\n'
BY_HAND = ("KRW-BTC", "--start", "2026-01-01", "--end", "2026-11-01")


@pytest.fixture(scope="module")
def exchange():
    with Sandbox(seed=1, now="2026-11-20T00:00:30Z", speed=0) as one:
        yield one


@pytest.fixture
def where(exchange, tmp_path):
    return ["--endpoint", exchange.endpoint, "--lake", str(tmp_path / "lake")]


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "backfill.toml"
    path.write_text(LARGE)
    return path


def asked(exchange):
    with urllib.request.urlopen(f"{exchange.endpoint}/sandbox/stats") as answer:
        return json.load(answer)["groups"]["candles"]["requests"]


def cut(exchange, end, *arguments):
    """Start a backfill in a process, have it ended while it fetches; give the code and the output."""
    before = asked(exchange)
    process = subprocess.Popen(
        [sys.executable, "-m", "marketkit", "backfill", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while asked(exchange) < before + 12:
        assert process.poll() is None
        time.sleep(0.05)
    end(process)
    out, err = process.communicate(timeout=PATIENCE)
    assert "Traceback" not in err
    return process.returncode, out


def figures(line):
    """Read the line of a run."""
    assert line.startswith("marketkit backfill: ")
    return dict(re.findall(r"(\w+)=(\S+)", line))


@pytest.mark.skipif(os.name == "nt", reason="there are no such signals")
@pytest.mark.parametrize(("how", "state", "code"), [
    (signal.SIGINT, "Ctrl-C", 130), (signal.SIGTERM, "SIGTERM", 3),
])  # fmt: skip
@pytest.mark.parametrize("by_hand", [True, False], ids=["by hand", "of a file"])
def test_a_run_that_a_signal_cut_says_how_far_it_came(
    exchange, where, config, tmp_path, how, state, code, by_hand
):
    arguments = BY_HAND if by_hand else ("--config", config)
    returned, out = cut(exchange, lambda process: process.send_signal(how), *arguments, *where)
    said = figures(out.splitlines()[-1])
    rows = Lake(tmp_path / "lake").catalog()["rows"].sum()
    assert returned == code
    assert said["state"] == state
    assert (said["jobs"], said["left"]) == ("0", "1" if by_hand else "2")
    assert int(said["rows"]) == rows > 0
    assert int(said["requests"]) >= 10
    assert int(said["slots"]) == int(said["done"]) + int(said["unknown"])
    assert int(said["unknown"]) > int(said["done"]) > 0
    assert said["lake"] == str(tmp_path / "lake")
    assert said.get("config") == (None if by_hand else str(config))
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", said["at"])


def test_a_run_that_its_time_cut_says_so_in_json(where, config, capsys):
    def run(limit):
        arguments = ["--config", str(config), "--max-time", limit, "--log-format", "json"]
        assert main(["backfill", *arguments, *where]) == 3
        return json.loads(capsys.readouterr().out)

    said = given_time(run, lambda said: said.get("rows", 0) > 0)
    assert (said["state"], said["jobs"], said["left"]) == ("max-time", 0, 2)
    assert said["rows"] > 0
    assert said["unknown"] > 0


def test_a_run_that_failed_says_how_far_it_came(exchange, where, tmp_path):
    try:
        returned, out = cut(
            exchange,
            lambda _: exchange.set_faults({"500": 1.0}),
            *BY_HAND,
            "--patience",
            "1s",
            *where,
        )
    finally:
        exchange.set_faults({})
    said = figures(out.splitlines()[-1])
    assert returned == 1
    assert "state=failed: " in out
    assert "answered 500" in out
    assert int(said["unknown"]) > int(said["done"]) > 0
    assert int(said["rows"]) == Lake(tmp_path / "lake").catalog()["rows"].sum() > 0


def test_a_run_that_failed_before_it_knew_what_is_left_says_that(where, capsys, monkeypatch):
    monkeypatch.setenv("MARKETKIT_OFFLINE", "1")
    assert main(["backfill", *BY_HAND, *where]) == 1
    said = figures(capsys.readouterr().out)
    assert (said["left"], said["slots"], said["unknown"]) == ("1", "?", "?")


def test_a_plan_says_what_a_backfill_would_cost_and_asks_for_no_candle(exchange, where, capsys):
    before = asked(exchange)
    span = ("--timeframe", "1h", "--start", "2026-11-10", "--end", "2026-11-20")
    assert main(["plan", "KRW-BTC", "KRW-E*", *span, *where, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {"KRW-BTC", "KRW-ETH"} <= {row["symbol"] for row in rows}
    assert {(row["timeframe"], row["slots"]) for row in rows} == {("1h", 240)}
    assert asked(exchange) == before
    assert main(["plan", "KRW-BTC", *span, *where]) == 0
    out = capsys.readouterr().out
    assert out.startswith("plan of 1 symbols 1h, newest first: 240 unknown slots")
    assert "KRW-BTC" in out


def test_a_plan_of_a_file_has_every_width_and_nothing_after_the_backfill(where, tmp_path, capsys):
    config = tmp_path / "small.toml"
    config.write_text(SMALL)
    assert main(["plan", "--config", str(config), *where]) == 0
    out = capsys.readouterr().out
    assert "1h, newest first" in out
    assert "1d, newest first" in out
    assert re.search(r"in all \d+ requests", out)
    assert main(["backfill", "--config", str(config), *where]) == 0
    capsys.readouterr()
    assert main(["plan", "--config", str(config), *where, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["requests"] for row in rows] == [0, 0]
