"""Trades in frozen sets."""

from __future__ import annotations

import hashlib
import json

import polars as pl
import pytest

from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.snapshots.days import day_of_line
from marketkit.errors import Incomplete
from tests.unit.data.lake.trades.conftest import DAY, FIRST, NOON, make_trades

WHOLE = Spans([(FIRST, FIRST + DAY)])


@pytest.fixture
def lake(tmp_path):
    lake = Lake(tmp_path / "lake")
    lake.trades.append("KRW-BTC", make_trades([NOON]), WHOLE)
    return lake


def test_a_frozen_set_keeps_its_trades(lake):
    told = lake.freeze("before")
    assert (told.files, told.trades) == (1, 1)
    lake.trades.append("KRW-BTC", make_trades([NOON, NOON + 1]), WHOLE)
    kept = lake.as_of("before").trades
    assert kept.read()["sequential_id"].to_list() == [1]
    assert kept.covered("KRW-BTC") == WHOLE
    assert lake.verify("before").is_empty()
    assert "1 trades" in lake.cite("before")


def test_the_hash_is_that_of_the_list_of_files(lake):
    told = lake.freeze("a")
    below = "trades/source=upbit/series=KRW-BTC/2024-01-01.parquet"
    digest = hashlib.sha256((lake.root / below).read_bytes()).hexdigest()
    assert told.hash == hashlib.sha256(f"{digest}  {below}\n".encode()).hexdigest()


def test_a_thawed_set_has_the_trades(lake, tmp_path):
    lake.freeze("a")
    thawed = lake.thaw("a", tmp_path / "new")
    assert thawed.trades.read().equals(lake.trades.read())


def test_a_changed_or_lost_file_is_told(lake):
    lake.freeze("a")
    path = next((lake.root / "snapshots").rglob("2024-01-01.parquet"))
    content = path.read_bytes()
    path.unlink()
    assert lake.verify("a")["problem"].to_list() == ["is missing"]
    path.write_bytes(content + b"x")
    assert "not those that were frozen" in lake.verify("a")["problem"][0]


def test_a_market_with_rotten_trades_is_left_out(lake):
    lake.trades.append("KRW-ETH", make_trades([NOON], symbol="KRW-ETH"), WHOLE)
    path = lake.root / "trades/source=upbit/series=KRW-ETH/2024-01-01.parquet"
    content = path.read_bytes()
    path.write_bytes(content[:20] + b"\x00\xff" + content[22:])
    with pytest.warns(Incomplete, match="KRW-ETH trade"):
        assert lake.freeze("a").files == 1
    assert lake.as_of("a").trades.symbols() == ["KRW-BTC"]


def test_a_set_with_trades_has_a_format_that_earlier_releases_refuse(lake):
    lake.freeze("a")
    said = json.loads((lake.root / "snapshots/a/manifest.json").read_text())
    assert said["format"] == 2


@pytest.mark.parametrize(
    "path", ["trades/source=upbit/series=KRW-BTC/../x.parquet", "x", "trades/"]
)
def test_a_line_with_another_path_is_none(lake, path):
    lake.freeze("a")
    line = json.loads((lake.root / "snapshots/a/manifest.json").read_text())["trades"][0]
    assert day_of_line(line).rows == 1
    with pytest.raises(ValueError, match="not named like"):
        day_of_line({**line, "path": path})


def test_the_trades_of_a_set_are_a_delta_table(lake):
    deltalake = pytest.importorskip("deltalake")
    lake.freeze("a")
    table = deltalake.DeltaTable(str(lake.publish("a", "trades")))
    assert table.to_pyarrow_table().num_rows == 1
    (said,) = pl.from_arrow(table.get_add_actions(flatten=True)).to_list()
    assert said["min.time"] == said["max.time"]
    assert lake.verify("a").is_empty()


def test_trades_are_asked_in_sql(lake):
    pytest.importorskip("duckdb")
    lake.freeze("a")
    query = "select symbol, seq, side, sum(volume) as volume from trades group by all"
    for answer in (lake.sql(query), lake.sql(query, as_of="a")):
        assert answer.rows() == [("KRW-BTC", 0, "BID", 1.0)]


def test_a_line_of_an_older_release_tells_no_times_of_trades(lake):
    lake.freeze("a")
    line = json.loads((lake.root / "snapshots/a/manifest.json").read_text())["trades"][0]
    assert day_of_line(line).first == day_of_line(line).last == NOON
    del line["first"], line["last"]
    assert day_of_line(line).first is None
    with pytest.raises(ValueError, match="no times"):
        day_of_line({**line, "first": "x"})
