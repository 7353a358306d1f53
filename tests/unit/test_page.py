"""The page of ratios that the benchmarks print together."""

from __future__ import annotations

import sys

import pytest

from benchmarks import page

STORES = [
    {
        "store": "marketkit, tier warm",
        "version": "",
        "1 market-year, ms": 2.0,
        "merge of 200 rows, ms": 8.0,
        "1 market-year, new process, ms": 9.0,
    },
    {"store": "marketkit, pandas", "1 market-year, ms": 12.0},
    {"store": "ArcticDB, pandas", "1 market-year, ms": 16.0, "merge of 200 rows, ms": 10.0},
    {
        "store": "ArcticDB, Polars",
        "1 market-year, ms": 10.0,
        "1 market-year, new process, ms": 20.0,
    },
    {"store": "DuckDB file", "1 market-year, ms": "rows 3, not 4", "merge of 200 rows, ms": 4.0},
    {"store": "Vortex file a market", "1 market-year, ms": 8.0},
    {"store": "a copy of as many bytes (the floor)", "1 market-year, ms": 4.0},
    {"store": "nautilus_trader catalog", "failed": "ModuleNotFoundError: none"},
]


def rows_of(name, result):
    return list(next(part for part in page.PARTS if part.name == name).rows(result))


def told(rows, what, peer):
    """Give the ratio, the aim and the judgement of the row of one measure against one peer."""
    row = next(each for each in rows if each["what"] == what and each["peer"].startswith(peer))
    return tuple(row.get(name) for name in ("ratio", "aim", "met"))


def test_stores_are_compared_with_the_faster_of_arctics_frames_and_with_a_copy():
    rows = rows_of("peers", {"rows": STORES})
    warm, first = "1 market-year, ms, tier warm", "1 market-year, new process, ms, tier warm"
    assert told(rows, warm, "ArcticDB") == ("x0.20", "<= x0.25", "yes")
    assert told(rows, warm, "memcpy") == ("x0.50", "<= x1", "yes")
    assert told(rows, warm, "Vortex") == ("x0.25", None, None)
    assert told(rows, first, "ArcticDB") == ("x0.45", "<= x0.4", "no")
    pandas = told(rows, '1 market-year, ms, frame="pandas"', "ArcticDB")
    assert pandas == ("x0.75", "<= x1.5", "yes")
    merge = "merge of 200 rows, ms, ours on disk"
    assert told(rows, merge, "ArcticDB") == ("x0.80", "<= x0.9", "yes")
    assert told(rows, merge, "DuckDB") == ("x2.00", "<= x1.1", "no")


def test_a_store_that_is_not_installed_or_wrong_says_so_in_its_row():
    peers = [row["peer"] for row in rows_of("peers", {"rows": STORES})]
    assert "nautilus_trader catalog: ModuleNotFoundError: none" in peers
    assert "DuckDB file: rows 3, not 4" in peers


def test_the_lake_is_compared_with_an_ideal_file_and_bounds():
    times = {"ideal": 10.0, "lake": 12.0, "ratio": 1.2, "target": 1.15, "tier warm": 2.0}
    result = [{"case": "a year", **times, "memcpy": 4.0}, {"case": "gaps", "lake": 2, "target": 3}]
    rows = rows_of("lake", {"rows": result})
    assert told(rows[:2], "a year, from files, ms", "ideal file") == ("x1.20", "<= x1.15", "no")
    assert told(rows[:2], "a year, tier warm, ms", "memcpy") == ("x0.50", None, None)
    assert rows[2] == {"what": "gaps", "ours": "2", "aim": "<= 3", "met": "yes"}


def test_clients_and_streams_are_compared_with_the_best_peer():
    columns = {"case": "cold: order books", "same columns": True}
    took = {"marketkit": 50.0, "pyupbit": 60.0, "ccxt": 99.0}
    result = [{**columns, "client": client, "ms": ms} for client, ms in took.items()]
    (row,) = rows_of("provider", {"rows": result})
    assert told([row], "cold: order books, ms", "pyupbit 60") == ("x0.83", "<= x1", "yes")


def test_a_least_bound_is_met_by_more():
    assert page.bound("rows/s", 5e5, 4e5, least=True)["met"] == "yes"
    assert page.bound("rows/s", 3e5, 4e5, least=True) == {
        "what": "rows/s",
        "ours": "300,000",
        "aim": ">= 400,000",
        "met": "no",
    }


def test_peers_that_are_not_installed_and_time_that_is_up_are_rows_too(monkeypatch):
    monkeypatch.delenv("NOWHERE", raising=False)
    part = page.Part("peers", lambda _: (), "NOWHERE")
    (row,) = page._of(part, None, quick=True)
    assert row == {"benchmark": "peers", "what": "peers not installed (NOWHERE)"}
    (row,) = page._of(page.Part("lake", lambda _: ()), 0.0, quick=True)
    assert row["what"] == "no time left"


@pytest.mark.skipif(sys.platform == "win32", reason="process groups are of POSIX")
def test_a_part_that_takes_too_long_is_ended_with_all_that_it_started(tmp_path):
    child = f"import time; open({str(tmp_path / 'began')!r}, 'w').close(); time.sleep(600)"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    assert page._run([sys.executable, "-c", code], 3.0) is None


def test_the_last_line_of_a_part_is_the_result():
    assert page._run([sys.executable, "-c", "print(1); print('{}')"], None) == "{}"
    assert page._run([sys.executable, "-c", "raise SystemExit(3)"], None) is None
