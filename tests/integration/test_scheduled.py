"""`marketkit backfill` on a timer: one at a time, quiet, ended politely, gone on with later."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
import urllib.request

import pytest

from marketkit.cli.main import main
from marketkit.data.jobs.catalog import jobs
from marketkit.data.lake.lake import Lake
from marketkit.sandbox import Sandbox
from tests.waiting import PATIENCE, soon

NOW = "2026-11-20T00:00:30Z"
SMALL = """
[[universe]]
symbols = ["KRW-BTC", "KRW-D*"]
quote = "KRW"
depth = { 1h = "5d", 1d = "30d" }
"""
LARGE = '[[universe]]\nsymbols = ["KRW-BTC", "KRW-ETH"]\ndepth = { 1m = "200d" }\n'


@pytest.fixture(scope="module")
def endpoint():
    with Sandbox(seed=1, now=NOW, speed=0) as exchange:
        yield exchange.endpoint


def file(tmp_path, text):
    path = tmp_path / "backfill.toml"
    path.write_text(text)
    return path


def command(endpoint, tmp_path, *arguments):
    where = ("--endpoint", endpoint, "--lake", str(tmp_path / "lake"))
    return ["backfill", *map(str, arguments), *where]


def started(endpoint, tmp_path, *arguments):
    """Start the command in a process without a terminal and wait until it fetches."""
    before = asked(endpoint)
    process = subprocess.Popen(
        [sys.executable, "-m", "marketkit", *command(endpoint, tmp_path, *arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while asked(endpoint) < before + 3:
        assert process.poll() is None
        time.sleep(0.05)
    return process


def asked(endpoint):
    with urllib.request.urlopen(f"{endpoint}/sandbox/stats") as answer:
        return json.load(answer)["groups"]["candles"]["requests"]


def test_a_file_is_done_and_done_again_for_nothing(endpoint, tmp_path, capsys):
    config = file(tmp_path, SMALL)
    assert main(command(endpoint, tmp_path, "--config", config)) == 0
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert "state=done jobs=2" in said
    before = asked(endpoint)
    assert main([*command(endpoint, tmp_path, "--config", config), "--log-format", "json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["state"], summary["requests"], summary["unknown"]) == ("done", 0, 0)
    assert asked(endpoint) == before


def test_the_parts_of_a_file_do_it_between_them(endpoint, tmp_path, capsys):
    path = file(tmp_path, SMALL)
    for part in ("1/2", "2/2"):
        words = command(endpoint, tmp_path, "--config", path, "--shard", part, "--json")
        assert main(words) == 0
        (*_, last) = capsys.readouterr().out.splitlines()
        told = json.loads(last)
        assert (told["state"], told["shard"]) == ("done", part)
    before = asked(endpoint)
    assert main(command(endpoint, tmp_path, "--config", path)) == 0
    assert asked(endpoint) == before  # nothing is left


@pytest.mark.parametrize("part", ["0/10", "11/10", "x", "3", ""])
def test_a_part_that_there_is_not_is_bad_usage(endpoint, tmp_path, capsys, part):
    with pytest.raises(SystemExit) as ended:
        main(command(endpoint, tmp_path, "--config", file(tmp_path, SMALL), "--shard", part))
    assert ended.value.code == 2
    assert "shard" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["backfill", "plan"])
def test_a_part_is_that_of_a_file(endpoint, tmp_path, capsys, name):
    words = command(endpoint, tmp_path, "KRW-BTC", "--start", "2026-11-19", "--shard", "1/2")
    with pytest.raises(SystemExit) as ended:
        main([name, *words[1:]])
    assert ended.value.code == 2
    assert "give --config" in capsys.readouterr().err


def test_two_runs_of_one_file_do_not_meet(endpoint, tmp_path, capsys):
    config = file(tmp_path, LARGE)
    first = started(endpoint, tmp_path, "--config", config)
    assert main(command(endpoint, tmp_path, "--config", config)) == 3
    assert "busy: another run of this file is at work" in capsys.readouterr().out
    first.send_signal(signal.SIGTERM)
    first.communicate()


def test_sigterm_is_obeyed_within_five_seconds_and_the_next_run_goes_on(endpoint, tmp_path):
    config = file(tmp_path, LARGE)

    def ended():
        process = started(endpoint, tmp_path, "--config", config)
        at = time.monotonic()
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=PATIENCE)
        return time.monotonic() - at, (process.returncode, *said)

    code, out, err = soon(5, ended)
    assert code == 3
    assert "state=SIGTERM" in out
    assert "Traceback" not in err
    root = tmp_path / "lake"
    # Of three requests that the exchange counted two may have been on the way.
    assert Lake(root).catalog()["rows"].sum() >= 200
    assert Lake(root).audit().is_empty()
    (before,) = jobs(root).rows(named=True)
    assert (before["state"], before["processes"]) == ("stopped", 0)
    # Ended by a signal too: how far a run comes before a `--max-time` is for the machine to say.
    again = started(endpoint, tmp_path, "--config", config)
    again.send_signal(signal.SIGTERM)
    again.communicate(timeout=PATIENCE)
    assert again.returncode == 3
    (after,) = jobs(root).rows(named=True)
    assert after["job"] == before["job"]
    assert after["done"] > before["done"]


@pytest.mark.slow
@pytest.mark.parametrize("form", ["text", "json"])
def test_the_log_of_a_run_without_a_terminal_is_below_a_kilobyte_a_minute(endpoint, tmp_path, form):
    """A line each 30 seconds; here the clock of one is made to run by 60 times."""
    code = (
        "import sys, marketkit.progress as p; p._LOG_EVERY = 0.5;"
        " from marketkit.cli.main import main; sys.exit(main(sys.argv[1:]))"
    )
    arguments = ("--config", file(tmp_path, LARGE), "--log-format", form)
    at = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-c", code, *command(endpoint, tmp_path, *arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    lines: list[str] = []
    while sum("requests" in line for line in lines) < 8:  # however long a busy machine takes
        lines.append(process.stderr.readline())
        assert lines[-1], "ended by itself"
    process.send_signal(signal.SIGTERM)
    out, rest = process.communicate(timeout=PATIENCE)
    lines += rest.splitlines(keepends=True)
    # One more is the last state, and another a warning of this machine's clock.
    assert len(lines) <= (time.monotonic() - at) / 0.5 + 2
    assert 2 * max(map(len, lines)) + len(out) < 1000
    if form == "json":
        told = [json.loads(line) for line in lines]  # warnings too
        assert any({"percent", "rows", "requests"} <= each.keys() for each in told)
        assert json.loads(out)["state"] == "SIGTERM"


def test_jobs_are_listed_shown_and_gone_on_with(endpoint, tmp_path, capsys):
    where = ["--endpoint", endpoint, "--lake", str(tmp_path / "lake"), "--json"]
    span = ("--start", "2026-11-18", "--end", "2026-11-18T05:00")
    assert main(command(endpoint, tmp_path, "KRW-BTC", *span)) == 0
    capsys.readouterr()
    main(["jobs", "ls", *where])
    (job,) = json.loads(capsys.readouterr().out)
    assert job["state"] == "done"
    assert main(["jobs", "show", job["job"][:5], *where]) == 0
    (symbol,) = json.loads(capsys.readouterr().out)
    assert (symbol["symbol"], symbol["state"], symbol["requests"]) == ("KRW-BTC", "done", 2)
    assert main(["jobs", "resume", job["job"], *where]) == 0
    assert json.loads(capsys.readouterr().out)["requests"] == 0
    assert main(["jobs", "cancel", job["job"], *where]) == 0
    assert main(["jobs", "show", "nothing", *where]) == 2


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="limits of Unix")
def test_a_full_disk_is_said_and_the_next_run_goes_on(endpoint, tmp_path):
    config = file(tmp_path, '[[universe]]\nsymbols = ["KRW-BTC"]\ndepth = { 1m = "2d" }\n')
    run = [sys.executable, "-m", "marketkit", *command(endpoint, tmp_path, "--config", config)]

    def small():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))

    full = subprocess.run(run, capture_output=True, text=True, preexec_fn=small, check=False)
    assert full.returncode == 1
    assert "state=failed" in full.stdout
    assert "cannot be written" in full.stdout
    assert Lake(tmp_path / "lake").audit().is_empty()
    done = subprocess.run(run, capture_output=True, text=True, check=False, env={**os.environ})
    assert done.returncode == 0, done.stderr
    assert Lake(tmp_path / "lake").audit().is_empty()
