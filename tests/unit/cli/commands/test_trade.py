"""`marketkit trade`: the newest few, or those of a window."""

from __future__ import annotations

import json

import pytest

from marketkit.sandbox import Sandbox


@pytest.fixture(scope="module")
def where():
    with Sandbox(seed=1, now="2026-11-20T00:10:30Z", speed=0) as exchange:
        yield "--endpoint", exchange.endpoint, "--json"


def test_without_a_window_the_newest_few_are_printed(where, run, tmp_path):
    code, out, err = run("trade", "KRW-BTC", "--lake", tmp_path / "lake", *where)
    assert code == 0, err
    assert len(json.loads(out)) == 20


def test_a_window_has_all_of_its_trades(where, run, tmp_path):
    window = ("--start", "2026-11-20T00:05", "--end", "2026-11-20T00:10")
    code, out, err = run("trade", "KRW-BTC", *window, "--lake", tmp_path / "lake", *where)
    assert code == 0, err
    times = [row["time"] for row in json.loads(out)]
    assert len(times) > 20
    assert times == sorted(times)
    assert "2026-11-20T00:05" <= times[0] <= times[-1] < "2026-11-20T00:10"


def test_a_window_that_is_too_old_is_bad_usage(where, run, tmp_path):
    old = ("--start", "2026-11-01", "--end", "2026-11-02")
    code, out, err = run("trade", "KRW-BTC", *old, "--lake", tmp_path / "lake", *where)
    assert (code, out) == (2, "")
    assert "keeps trades from 2026-11-13" in err
