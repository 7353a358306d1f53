"""The command line: its tables, its JSON and its exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request

import pytest

from marketkit.cli.main import main
from marketkit.sandbox import Sandbox
from tests.waiting import PATIENCE

# A few requests at the legal pace: enough for every command, over in a second or two.
SPAN = ("--start", "2026-11-18", "--end", "2026-11-18T05:00")


@pytest.fixture(scope="module")
def endpoint():
    with Sandbox(seed=1, now="2026-11-20T00:00:30Z", speed=0) as exchange:
        yield exchange.endpoint


@pytest.fixture
def run(endpoint, tmp_path, capsys):
    def command(*arguments: str) -> tuple[int, str, str]:
        code = main([*arguments, "--endpoint", endpoint, "--lake", str(tmp_path / "lake")])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return command


def test_backfill_candles_and_lake_tell_one_story(run):
    code, out, _ = run("backfill", "KRW-BTC", "KRW-DOGE", *SPAN, "--json")
    report = json.loads(out)
    assert code == 0
    assert report["complete"]
    assert report["slots"] == report["traded"] + report["empty"] == 600
    assert report["requests"] == 4

    code, out, _ = run("lake", "coverage", "KRW-DOGE", *SPAN, "--json")
    (row,) = json.loads(out)
    assert code == 0
    assert (row["slots"], row["unknown"]) == (300, 0)
    assert row["traded"] + row["empty"] == 300

    _, out, _ = run("lake", "coverage", "KRW-DOGE", *SPAN, "--spans", "--json")
    assert sum(span["slots"] for span in json.loads(out)) == 300
    _, out, _ = run("candles", "KRW-DOGE", *SPAN, "--source", "lake", "--json")
    candles = json.loads(out)
    assert len(candles) == row["traded"]
    assert candles[0]["time"] == "2026-11-18T00:00:00.000+00:00"
    _, out, _ = run("lake", "ls", "--json")
    assert {series["symbol"] for series in json.loads(out)} == {"KRW-BTC", "KRW-DOGE"}
    _, out, _ = run("lake", "gaps", "--start", "2026-11-18", "--end", "2026-11-19", "--json")
    assert {gap["start"] for gap in json.loads(out)} == {"2026-11-18T05:00:00.000+00:00"}


def test_tables_are_for_people(run):
    code, out, _ = run("backfill", "KRW-BTC", *SPAN)
    assert code == 0
    assert "300 slots = 300 traded + 0 proved empty" in out
    _, out, _ = run("lake", "coverage", *SPAN)
    assert "unknown" in out
    assert "KRW-BTC" in out
    _, out, _ = run("ticker", "KRW-BTC", "KRW-ETH")
    assert "KRW-ETH" in out


def test_a_backfill_that_ends_incomplete_says_what_is_missing(run):
    ahead = ("--start", "2026-11-19T23:00", "--end", "2026-11-20T01:00")
    code, out, _ = run("backfill", "KRW-BTC", *ahead)
    assert code == 3
    assert "INCOMPLETE" in out
    assert "missing:" in out
    assert "2026-11-20 01:00" in out
    code, out, _ = run("backfill", "KRW-BTC", *ahead, "--json")
    assert code == 3
    assert json.loads(out)["unknown"] > 0


def test_trades_are_planned_fetched_and_listed(run):
    trades = ("--timeframe", "trade", "--start", "2026-11-19T23:00", "--end", "2026-11-20T01:00")
    code, out, _ = run("plan", "KRW-BTC", *trades)
    assert code == 0
    assert "1 days not known whole" in out  # up to where trades are settled
    code, out, _ = run("backfill", "KRW-BTC", *trades)
    assert code == 3
    assert "backfill of trades of KRW-BTC" in out
    assert "missing:" in out
    assert "2026-11-20 01:00" in out
    _, out, _ = run("lake", "ls", "--json")
    assert [row["timeframe"] for row in json.loads(out)] == ["trade"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("ticker", "KRW-BCT"), "did you mean 'KRW-BTC'"),
        (("backfill", "KRW-BCT", "--start", "2025-02-01"), "did you mean 'KRW-BTC'"),
    ],
)
def test_bad_usage_is_exit_code_2_and_one_sentence(run, arguments, said):
    code, out, err = run(*arguments)
    assert code == 2
    assert out == ""
    assert said in err
    code, out, err = run(*arguments, "--json")
    assert code == 2
    assert said in json.loads(err)["message"]


def test_a_failure_is_exit_code_1(tmp_path, capsys):
    code = main(["ticker", "KRW-BTC", "--endpoint", "http://127.0.0.1:9", "--lake", str(tmp_path)])
    assert code == 1
    assert "127.0.0.1:9" in capsys.readouterr().err


def test_a_lake_that_cannot_be_written_is_exit_code_1(endpoint, tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    lake = str(tmp_path / "file" / "lake")
    code = main(["backfill", "KRW-BTC", *SPAN, "--endpoint", endpoint, "--lake", lake])
    assert code == 1
    assert "lake" in capsys.readouterr().err


def test_a_lake_that_cannot_be_written_is_refused_before_a_candle_is_asked(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with Sandbox(seed=1) as exchange:
        where = ["--endpoint", exchange.endpoint, "--lake", str(tmp_path / "file" / "lake")]
        assert main(["candles", "KRW-BTC", "--count", "3", *where]) == 1
        assert exchange.stats()["groups"]["candles"]["requests"] == 0


def test_an_interrupted_backfill_keeps_its_pages_and_leaves_quickly(endpoint, tmp_path):
    command = ["backfill", "KRW-BTC", "--start", "2026-01-01", "--end", "2026-11-01"]
    where = ["--endpoint", endpoint, "--lake", str(tmp_path / "lake")]
    seen = json.loads(urllib.request.urlopen(f"{endpoint}/sandbox/stats").read())
    before = seen["groups"]["candles"]["requests"]
    child = subprocess.Popen(
        [sys.executable, "-m", "marketkit", *command, *where], stderr=subprocess.PIPE, text=True
    )
    while seen["groups"]["candles"]["requests"] < before + 5:
        time.sleep(0.05)
        seen = json.loads(urllib.request.urlopen(f"{endpoint}/sandbox/stats").read())
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=PATIENCE)
    assert child.returncode == 130
    assert "Traceback" not in err
    here = subprocess.run(
        [sys.executable, "-m", "marketkit", "lake", "ls", "--json", *where],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(here.stdout)[0]["rows"] >= 3 * 200


def test_the_sandbox_command_says_where_it_listens_and_ends_on_a_signal():
    child = subprocess.Popen(
        [sys.executable, "-m", "marketkit", "sandbox", "--limit", "10/0.02"],
        stdout=subprocess.PIPE,
        text=True,
    )
    said = json.loads(child.stdout.readline())
    assert said["pid"] == child.pid
    with urllib.request.urlopen(f"{said['endpoint']}/v1/market/all") as answer:
        assert len(json.load(answer)) == 855
    child.send_signal(signal.SIGTERM)
    assert child.wait(timeout=PATIENCE) == 0
    child.stdout.close()


def test_the_endpoint_and_the_lake_may_come_from_the_environment(endpoint, tmp_path):
    env = {
        **os.environ,
        "MARKETKIT_ENDPOINT": endpoint,
        "MARKETKIT_LAKE": str(tmp_path),
        "MARKETKIT_BUDGET_DIR": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "-m", "marketkit", "candles", "KRW-BTC", "--count", "2", "--json"],
        capture_output=True,
        text=True,
        env=env,
        check=True,
    )
    assert len(json.loads(done.stdout)) == 2
    assert (tmp_path / "candles").is_dir()
