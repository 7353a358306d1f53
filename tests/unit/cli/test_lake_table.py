"""A frozen set is told to other engines in lines to paste, and a bucket gives up what none has."""

from __future__ import annotations

import argparse
import json

import polars as pl
import pytest

from marketkit.cli.lake_table import vacuum
from marketkit.cli.output import Output
from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.places.bucket import Bucket
from marketkit.data.lake.store.mirror import Mirror
from marketkit.timeframe import MINUTE
from tests.unit.data.lake.conftest import make_candles


def filled(place) -> Lake:
    lake = Lake(place)
    lake.append("KRW-BTC", "1m", make_candles([0, MINUTE]), Spans([(0, 3 * MINUTE)]))
    return lake


@pytest.fixture
def lake(tmp_path):
    one = filled(tmp_path / ("a folder with a long name, as people have " * 2))
    one.freeze("paper")
    return one


def test_each_engine_has_its_line_whole(run, lake):
    code, out, _ = run("lake", "table", "paper", "--lake", lake.root)
    told = lake.table("paper")
    assert code == 0
    assert out.splitlines()[:2] == [f"url      {told.url}", "version  0"]
    lines = dict(line.split(maxsplit=1) for line in out.splitlines()[2:])
    assert lines == told.calls
    assert set(lines) == {"polars", "duckdb", "spark", "daft", "dask", "pyarrow"}


def test_the_line_of_polars_reads_the_set(run, lake):
    pytest.importorskip("deltalake")
    _, out, _ = run("lake", "table", "paper", "--lake", lake.root)
    line = next(each for each in out.splitlines() if each.startswith("polars"))
    frame = eval(line.removeprefix("polars"), {"pl": pl})  # noqa: S307 - as somebody pastes it
    assert frame.collect().height == 2


def test_programs_get_the_same_as_json(run, lake):
    _, out, _ = run("lake", "table", "paper", "--lake", lake.root, "--json")
    told, table = json.loads(out), lake.table("paper")
    assert told["calls"] == table.calls
    assert (told["name"], told["url"], told["version"]) == ("paper", table.url, 0)
    assert (told["rows"], told["files"], told["bytes"]) == (2, 1, table.bytes)


def test_a_set_that_is_not_there_or_has_no_trades_is_bad_usage(run, lake):
    code, out, err = run("lake", "table", "papre", "--lake", lake.root)
    assert (code, out) == (2, "")
    assert "paper" in err
    assert run("lake", "table", "paper", "--of", "trades", "--lake", lake.root)[0] == 2


def test_a_lake_on_a_disk_has_nothing_to_vacuum(run, lake):
    code, out, _ = run("lake", "vacuum", "--lake", lake.root)
    assert (code, out.startswith("removed 0 bytes")) == (0, True)
    assert json.loads(run("lake", "vacuum", "--lake", lake.root, "--json")[1]) == {"bytes": 0}


def test_what_a_deleted_set_left_in_a_bucket_goes(tmp_path, capsys):
    store, url = pytest.importorskip("obstore.store").MemoryStore(), "memory://team/upbit"
    lake = filled(Mirror(tmp_path / "mirror", url, Bucket(url, store)))
    lake.freeze("paper")
    lake.delete("paper")
    freed = [key for key, _ in lake.objects.list("tables/") if key.endswith(".parquet")]
    assert vacuum(lake, argparse.Namespace(), Output(as_json=False)) == 0
    assert freed
    assert "removed 0 bytes" not in (said := capsys.readouterr().out)
    assert f"that no frozen set in {url} has" in said
