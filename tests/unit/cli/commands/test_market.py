"""`marketkit market`: of a lake, without an exchange, and from one."""

from __future__ import annotations

import json

import pytest

from marketkit.sandbox import Sandbox

NOW = "2026-11-20T00:00:30Z"


@pytest.fixture(scope="module")
def exchange():
    with Sandbox(seed=1, now=NOW, speed=0) as exchange:
        yield exchange


def test_markets_are_printed_and_then_a_day_of_them_is_in_the_lake(exchange, run, tmp_path):
    where = ("--lake", tmp_path / "lake", "--endpoint", exchange.endpoint, "--json")
    code, out, err = run("market", "usdt", *where)
    assert code == 0, err
    markets = json.loads(out)
    assert {each["quote"] for each in markets} == {"USDT"}
    nowhere = ("--lake", tmp_path / "lake", "--endpoint", exchange.endpoint, "--json")
    code, out, err = run("market", "USDT", "--as-of", "2026-11-20", *nowhere)
    assert code == 0, err
    assert json.loads(out) == markets


def test_instruments_are_added_and_a_quote_that_is_none_is_bad_usage(exchange, run, tmp_path):
    where = ("--lake", tmp_path / "lake", "--endpoint", exchange.endpoint, "--json")
    _, out, _ = run("market", "USDT", "--instruments", *where)
    assert all("tick_size" in each for each in json.loads(out))
    code, out, err = run("market", "EUR", *where)
    assert (code, out) == (2, "")
    assert "EUR" in err
