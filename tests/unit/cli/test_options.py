"""Options that commands share, and what is opened from them."""

from __future__ import annotations

import argparse

import pytest

from marketkit.cli.options import (
    add_range,
    add_series,
    add_shared,
    letters,
    one_or_many,
    open_lake,
    open_provider,
    positive,
    wants_json,
)
from marketkit.errors import InputError


def parsed(*arguments: str, add=add_shared) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add(parser)
    return parser.parse_args(arguments)


def test_a_lake_is_the_folder_that_was_named(tmp_path):
    assert open_lake(parsed("--lake", str(tmp_path / "mine"))).root == tmp_path / "mine"
    assert not (tmp_path / "mine").exists()


def test_a_lake_that_was_not_named_is_that_of_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("MARKETKIT_LAKE", str(tmp_path / "theirs"))
    assert open_lake(parsed()).root == tmp_path / "theirs"


def test_the_region_is_part_of_the_paths_in_the_lake():
    assert open_lake(parsed("--region", "sg")).source == "upbit_sg"
    assert open_lake(parsed("--endpoint", "http://127.0.0.1:9")).source == "upbit"


def test_a_command_and_its_provider_mean_the_same_lake(tmp_path):
    for arguments in (("--lake", str(tmp_path / "one")), ("--region", "th"), ()):
        options = parsed(*arguments)
        with open_provider(options) as provider:
            here, there = open_lake(options), provider.lake()
        assert (here.root, here.source) == (there.root, there.source)


def test_an_endpoint_and_a_region_exclude_each_other():
    options = parsed("--region", "kr", "--endpoint", "http://127.0.0.1:9")
    for open_one in (open_lake, open_provider):
        with pytest.raises(InputError, match="exclude"):
            open_one(options)


def test_a_range_is_minutes_without_ends_unless_it_says():
    assert vars(parsed(add=add_range)) == {"timeframe": "1m", "start": None, "end": None}
    said = parsed("KRW-BTC", "KRW-ETH", "--start", "2026-01-01", add=add_series)
    assert (said.symbols, said.start) == (["KRW-BTC", "KRW-ETH"], "2026-01-01")
    assert parsed(add=add_series).symbols == []


def test_one_symbol_is_asked_for_alone():
    assert one_or_many(["KRW-BTC"]) == "KRW-BTC"
    assert one_or_many(["KRW-BTC", "KRW-ETH"]) == ["KRW-BTC", "KRW-ETH"]


@pytest.mark.parametrize("text", ["0", "-1", "nan", "soon"])
def test_only_numbers_above_zero_are_positive(text, capsys):
    def add(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--seconds", type=positive(float))

    assert parsed("--seconds", "0.5", add=add).seconds == 0.5
    with pytest.raises(SystemExit):
        parsed("--seconds", text, add=add)
    said = capsys.readouterr().err
    assert f"{text} is not above zero" in said or "invalid float value: 'soon'" in said


@pytest.mark.parametrize(
    ("words", "wants"),
    [
        (["ticker", "--json"], True),
        (["backfill", "--log-format", "json"], True),
        (["backfill", "--log-format=json", "--bogus"], True),
        (["backfill", "--log-format", "text", "json"], False),
        (["export", "a.json"], False),
        ([], False),
    ],
)
def test_a_wish_for_json_is_seen_before_anything_is_understood(words, wants):
    assert wants_json(words) == wants


@pytest.mark.parametrize(
    "text", ["select 1", "비트코인", "비트코인".encode().decode("ascii", "surrogateescape")]
)
def test_an_argument_has_its_letters_where_the_locale_has_none(text):
    assert letters(text) in {"select 1", "비트코인"}
