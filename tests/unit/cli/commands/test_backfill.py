"""`marketkit backfill`: its file, its lock and its last line, before an exchange is asked."""

from __future__ import annotations

import argparse
import json

import pytest
from filelock import Timeout

from marketkit.cli.commands import backfill
from marketkit.cli.run import CommandRun
from marketkit.data.lake.lake import Lake
from marketkit.errors import InputError, Unreachable

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


def given(config, **more: object) -> argparse.Namespace:
    names = ("symbols", "start", "end", "lake", "endpoint", "region", "verify", "order")
    open_ones = dict.fromkeys((*names, "patience", "max_time"))
    return argparse.Namespace(**{**open_ones, "config": config, **more})


@pytest.mark.parametrize("arguments", [("KRW-BTC",), ("--start", "2026-01-01"), ()])
def test_symbols_and_a_start_are_needed_without_a_file(run, capsys, arguments):
    with pytest.raises(SystemExit) as ended:
        run("backfill", *arguments)
    assert ended.value.code == 2
    assert "give symbols and --start, or --config FILE" in capsys.readouterr().err


def test_the_command_line_goes_before_the_file(config):
    options = given(config, order="symbols", region="kr")
    backfill._read_file(options)
    assert (options.order, options.region, options.patience) == ("symbols", "kr", "1s")
    assert options.verify is None


@pytest.mark.parametrize(
    "more", [{"symbols": ["KRW-BTC"]}, {"start": "2026-01-01"}, {"end": "2026-01-01"}]
)
def test_symbols_and_times_are_said_in_one_place(config, more):
    with pytest.raises(InputError, match="leave them out"):
        backfill._read_file(given(config, **more))


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


def test_a_file_has_one_run_at_a_time_and_another_file_another(config, tmp_path):
    lake = Lake(tmp_path / "lake")
    other = tmp_path / "other.toml"
    with backfill._only_run(lake, config):
        with pytest.raises(Timeout), backfill._only_run(lake, config):
            pass
        with backfill._only_run(lake, other):
            pass
    with backfill._only_run(lake, config):
        pass


def test_a_run_that_meets_another_is_busy_and_incomplete(run, config, tmp_path):
    where = ("--lake", tmp_path / "lake", "--endpoint", NOWHERE)
    config.write_text(FILE.replace('region = "sg"\n', ""))
    with backfill._only_run(Lake(tmp_path / "lake"), config):
        code, out, _ = run("backfill", "--config", config, *where, "--log-format", "json")
    assert code == 3
    assert json.loads(out)["state"] == "busy: another run of this file is at work"


def test_a_failure_is_in_the_last_line_too(run, config, tmp_path, monkeypatch):
    monkeypatch.setenv("MARKETKIT_OFFLINE", "1")
    config.write_text(FILE.replace('region = "sg"\n', ""))
    code, out, _ = run(
        "backfill", "--config", config, "--lake", tmp_path / "lake", "--endpoint", NOWHERE
    )
    assert code == 1
    assert out.startswith("marketkit backfill: state=failed: offline")
    assert out.count("\n") == 1


class Away:
    """A provider whose exchange is away for so many calls."""

    def __init__(self, calls: int) -> None:
        self.calls = calls

    def get_market(self) -> str:
        """Answer, or fail as the exchange does."""
        self.calls -= 1
        if self.calls >= 0:
            raise Unreachable("nobody there")
        return "the market list"

    def exchange_time(self) -> str:
        """Give the time of the exchange."""
        return "the time"


def test_an_exchange_that_comes_back_is_waited_for(monkeypatch, capsys):
    monkeypatch.setattr(backfill, "_PAUSE", 0.001)
    assert backfill._listed(Away(2), "1h", CommandRun(None)) == ("the market list", "the time")
    assert capsys.readouterr().err.splitlines() == ["waiting for the exchange: nobody there"] * 2


@pytest.mark.parametrize(
    "run",
    [CommandRun(None, stopped="SIGTERM"), CommandRun(deadline=0.0)],
    ids=["ended", "out of time"],
)
def test_an_ended_run_waits_for_no_exchange(run):
    with pytest.raises(Unreachable):
        backfill._listed(Away(2), "1h", run)
