"""The file of `--config`: read with the command line first, one run at a time, and patient."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

import polars as pl
import pytest
from filelock import Timeout

from marketkit.cli import schedule
from marketkit.cli.run import CommandRun
from marketkit.data.fleet.shards import Shard
from marketkit.data.jobs.config import read_config
from marketkit.data.lake.lake import Lake
from marketkit.errors import InputError, Unreachable
from marketkit.schema import MARKET

FILE = """
patience = "1s"
order = "oldest"
region = "sg"
[[universe]]
symbols = ["KRW-BTC", "KRW-D*"]
quote = "KRW"
depth = { 1h = "5d" }
"""
NOW = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "backfill.toml"
    path.write_text(FILE)
    return path


def given(config, **more: object) -> argparse.Namespace:
    names = (
        "symbols",
        "timeframe",
        "start",
        "end",
        "lake",
        "endpoint",
        "region",
        "verify",
        "order",
    )
    open_ones = dict.fromkeys((*names, "patience", "max_time"))
    return argparse.Namespace(**{**open_ones, "config": config, **more})


def test_the_command_line_goes_before_the_file(config):
    options = given(config, order="symbols", region="kr")
    schedule.read_file(options)
    assert (options.order, options.region, options.patience) == ("symbols", "kr", "1s")
    assert options.verify is None


@pytest.mark.parametrize(
    "more",
    [
        {"symbols": ["KRW-BTC"]},
        {"timeframe": "1h"},
        {"start": "2026-01-01"},
        {"end": "2026-01-01"},
    ],
)
def test_symbols_and_times_are_said_in_one_place(config, more):
    with pytest.raises(InputError, match=r"leave (symbols|--\w+) out"):
        schedule.read_file(given(config, **more))


def test_each_part_of_a_file_has_a_run_of_its_own(config, tmp_path):
    lake, third = Lake(tmp_path / "lake"), Shard(3, 10)
    with schedule.only_run(lake, config, third):
        with pytest.raises(Timeout), schedule.only_run(lake, config, Shard(3, 10)):
            pass
        with schedule.only_run(lake, config, Shard(4, 10)), schedule.only_run(lake, config):
            pass


def test_a_file_has_one_run_at_a_time_and_another_file_another(config, tmp_path):
    lake = Lake(tmp_path / "lake")
    other = tmp_path / "other.toml"
    with schedule.only_run(lake, config):
        with pytest.raises(Timeout), schedule.only_run(lake, config):
            pass
        with schedule.only_run(lake, other):
            pass
    with schedule.only_run(lake, config):
        pass


class Away:
    """A provider whose exchange is away for so many calls."""

    def __init__(self, calls: int, lake: Lake) -> None:
        self.calls = calls
        self.markets = ["KRW-BTC"]
        self._lake = lake

    def get_market(self) -> pl.DataFrame:
        """Answer, or fail as the exchange does."""
        self.calls -= 1
        if self.calls >= 0:
            raise Unreachable("nobody there")
        rows = [dict.fromkeys(MARKET) | {"symbol": name, "quote": "KRW"} for name in self.markets]
        return pl.DataFrame(rows, schema=dict(MARKET))

    def exchange_time(self) -> datetime:
        """Give the time of the exchange."""
        return NOW

    def lake(self) -> Lake:
        """Give the lake, which is empty."""
        return self._lake


def test_an_exchange_that_comes_back_is_waited_for(config, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(schedule, "_PAUSE", 0.001)
    away = Away(2, Lake(tmp_path / "lake"))
    (chore,) = schedule.scheduled(away, read_config(config), CommandRun(None), "1h")
    assert (chore.symbols, chore.timeframe) == (("KRW-BTC",), "1h")
    assert capsys.readouterr().err.splitlines() == ["waiting for the exchange: nobody there"] * 2


def test_a_part_of_a_file_has_its_markets_and_all_parts_have_all(config, tmp_path):
    config.write_text('[[universe]]\ndepth = { 1h = "5d", 1d = "9d" }\n')
    there = Away(0, Lake(tmp_path / "lake"))
    there.markets = [f"KRW-A{letter}" for letter in "ABCDEFGH"]
    found = []
    for number in (1, 2, 3):
        run = CommandRun(None)
        shard = Shard(number, 3)
        chores = schedule.scheduled(there, read_config(config), run, "1h", shard)
        assert run.planned == len(chores)
        assert all(shard.of(each.symbols) == list(each.symbols) for each in chores)
        found += [(each.timeframe, symbol) for each in chores for symbol in each.symbols]
    assert sorted(found) == sorted((w, name) for w in ("1h", "1d") for name in there.markets)


@pytest.mark.parametrize(
    "run",
    [CommandRun(None, stopped="SIGTERM"), CommandRun(deadline=0.0)],
    ids=["ended", "out of time"],
)
def test_an_ended_run_waits_for_no_exchange(run, config, tmp_path):
    away = Away(2, Lake(tmp_path / "lake"))
    assert schedule.scheduled(away, read_config(config), run, "1h") == []
    assert run.stopped in {"SIGTERM", "max-time"}
    assert run.planned == 1


@pytest.mark.parametrize("given_there", [{"region": "kr"}, {"endpoint": "http://127.0.0.1:9"}])
def test_an_exchange_of_the_command_line_is_in_place_of_that_of_the_file(config, given_there):
    options = given(config, **given_there)
    schedule.read_file(options)
    assert {
        name: value for name in ("endpoint", "region") if (value := getattr(options, name))
    } == (given_there)
