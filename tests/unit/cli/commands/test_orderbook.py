"""`marketkit orderbook`: the best prices, and what it refuses."""

from __future__ import annotations

import json

import pytest

from marketkit.sandbox import Sandbox


@pytest.fixture(scope="module")
def where():
    with Sandbox(seed=1, now="2026-11-20T00:00:30Z", speed=0) as exchange:
        yield "--endpoint", exchange.endpoint, "--json"


def test_a_book_has_so_many_rows_of_each_symbol(where, run, tmp_path):
    lake = ("--lake", tmp_path / "lake")
    code, out, err = run("orderbook", "KRW-BTC", "KRW-ETH", "--depth", "2", *lake, *where)
    assert code == 0, err
    rows = json.loads(out)
    assert [row["symbol"] for row in rows] == ["KRW-BTC"] * 2 + ["KRW-ETH"] * 2
    _, out, _ = run("orderbook", "KRW-BTC", *lake, *where)
    assert len(json.loads(out)) == 5


def test_an_impossible_depth_is_bad_usage(where, run, tmp_path):
    lake = ("--lake", tmp_path / "lake")
    code, out, err = run("orderbook", "KRW-BTC", "--depth", "31", *lake, *where)
    assert (code, out) == (2, "")
    assert "31" in err
