"""`marketkit backfill`: its file, its lock and its last line, before an exchange is asked."""

from __future__ import annotations

import json

import pytest

from marketkit.cli.schedule import only_run
from marketkit.data.lake.lake import Lake

NOWHERE = "http://127.0.0.1:9"  # nothing listens there, so asking fails at once
FILE = """
patience = "1s"
order = "oldest"
region = "sg"
[[universe]]
symbols = ["KRW-BTC", "KRW-D*"]
quote = "KRW"
depth = { 1h = "5d" }
"""


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "backfill.toml"
    path.write_text(FILE)
    return path


@pytest.mark.parametrize("arguments", [("KRW-BTC",), ("--start", "2026-01-01"), ()])
def test_symbols_and_a_start_are_needed_without_a_file(run, capsys, arguments):
    with pytest.raises(SystemExit) as ended:
        run("backfill", *arguments)
    assert ended.value.code == 2
    assert "give symbols and --start, or --config FILE" in capsys.readouterr().err


def test_a_slip_in_a_file_is_bad_usage(run, config):
    config.write_text(FILE.replace("quote", "qoute"))
    code, out, err = run("backfill", "--config", config)
    assert (code, out) == (2, "")
    assert "did you mean 'quote'" in err


def test_a_range_that_ends_before_it_starts_is_bad_usage(run):
    span = ("--start", "2025-02-01", "--end", "2025-01-01")
    code, out, err = run("backfill", "KRW-BTC", *span, "--endpoint", NOWHERE)
    assert (code, out) == (2, "")
    assert "not before" in err


def test_a_run_that_meets_another_is_busy_and_incomplete(run, config, tmp_path):
    where = ("--lake", tmp_path / "lake", "--endpoint", NOWHERE)
    config.write_text(FILE.replace('region = "sg"\n', ""))
    with only_run(Lake(tmp_path / "lake"), config):
        code, out, _ = run("backfill", "--config", config, *where, "--log-format", "json")
    assert code == 3
    said = json.loads(out)
    assert said["state"] == "busy: another run of this file is at work"
    assert (said["lake"], said["config"]) == (str(tmp_path / "lake"), str(config))


@pytest.mark.parametrize("wrong", [("--max-time", "50"), ("--verify", "1 day"), ("--patience", "")])
def test_a_length_of_time_has_one_spelling(run, capsys, wrong):
    with pytest.raises(SystemExit) as ended:
        run("backfill", "KRW-BTC", "--start", "2026-01-01", *wrong)
    assert ended.value.code == 2
    assert "30s, 5m, 2h, 7d" in capsys.readouterr().err


def test_a_failure_is_in_the_last_line_too(run, config, tmp_path, monkeypatch):
    monkeypatch.setenv("MARKETKIT_OFFLINE", "1")
    config.write_text(FILE.replace('region = "sg"\n', ""))
    code, out, _ = run(
        "backfill", "--config", config, "--lake", tmp_path / "lake", "--endpoint", NOWHERE
    )
    assert code == 1
    assert out.startswith("marketkit backfill: state=failed: offline")
    assert f"lake={tmp_path / 'lake'} config={config}\n" in out
    assert out.count("\n") == 1
