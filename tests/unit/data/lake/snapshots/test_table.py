"""Frozen sets as tables for other engines."""

from __future__ import annotations

import os
import random
import sys
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.snapshots.table import FrozenTable
from marketkit.errors import InputError, NotWritable
from marketkit.schema import ROW, empty

MINUTE = 60_000
KEYS = ("source", "timeframe", "series")
NUMBERS = ("open", "high", "low", "close", "volume", "value")


@pytest.fixture
def deltalake():
    return pytest.importorskip("deltalake")


@pytest.fixture
def filled(lake, candles, january, deltalake):
    """Two markets over three months, one of them silent; one of them has an hour, too."""
    month = 31 * 1440 * MINUTE
    for number, symbol in enumerate(("KRW-BTC", "KRW-ETH")):
        times = [january - MINUTE, january, january + MINUTE]
        covering = Spans([(january - 5 * MINUTE, january + month + 5 * MINUTE)])
        lake.append(symbol, "1m", candles(times, symbol, 100.25 + number), covering)
    lake.append("KRW-BTC", "1h", candles([january]), Spans([(january, january + 60 * MINUTE)]))
    lake.freeze("study")
    return lake


def logs(table: Path) -> list[str]:
    return sorted(path.name for path in (table / "_delta_log").iterdir())


def test_a_published_set_is_a_delta_table_of_the_files_that_are_there(filled, deltalake):
    before = {path: path.stat().st_ino for path in filled.root.glob("snapshots/**/*.parquet")}
    table = filled.publish("study")
    assert table == filled.root / "snapshots" / "study" / "candles"
    delta = deltalake.DeltaTable(str(table))
    assert len(delta.file_uris()) == len(before) == 7
    assert set(delta.metadata().partition_columns) == {"source", "timeframe", "series"}
    assert delta.metadata().name == "study"
    after = {path: path.stat().st_ino for path in filled.root.glob("snapshots/**/*.parquet")}
    assert after == before


@pytest.mark.parametrize("name", ["a b", "비트 코인", "a#b", "plain"])
def test_the_line_of_polars_reads_below_a_folder_of_any_name(name, tmp_path, candles, deltalake):
    lake = Lake(tmp_path / name)
    lake.append("KRW-BTC", "1m", candles([0, MINUTE]), Spans([(0, 3 * MINUTE)]))
    lake.freeze("study")
    line = lake.table("study").polars
    frame = eval(line, {"pl": pl})  # noqa: S307 (a line that we wrote)
    assert frame.filter(pl.col("series") == "KRW-BTC").collect().height == 2
    assert ("use_pyarrow" in line) == (name != "plain")


def test_every_engine_gets_the_same_sums(filled, deltalake):
    expected = filled.read(None, "1m").select(pl.col(*NUMBERS).sum()).row(0)
    table = str(filled.publish("study"))
    delta = deltalake.DeltaTable(table)

    frame = pl.scan_delta(table).filter(timeframe="1min").collect()
    assert frame.select(pl.col(*NUMBERS).sum()).row(0) == pytest.approx(expected, rel=1e-12)
    assert frame["symbol"].to_list() == frame["series"].to_list()

    arrow = delta.to_pyarrow_table(filters=[("timeframe", "=", "1min")])
    sums = tuple(sum(arrow[name].to_pylist()) for name in NUMBERS)
    assert sums == pytest.approx(expected, rel=1e-12)

    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect(":memory:") as connection:
        paths = [uri for uri in delta.file_uris() if "timeframe=1min" in uri]
        text = "select sum(columns(['open', 'high', 'low', 'close', 'volume', 'value']))"
        found = connection.execute(f"{text} from read_parquet($1)", [paths]).fetchone()
    assert found == pytest.approx(expected, rel=1e-12)


def test_delta_gives_the_rows_of_the_set_with_times_in_microseconds(filled):
    rows = pl.scan_delta(str(filled.publish("study"))).filter(timeframe="1min").collect()
    assert rows["time"].dtype == pl.Datetime("us", "UTC")
    same = rows.select(*ROW).cast({"time": ROW["time"]}).sort("symbol", "time")
    assert same.equals(filled.as_of("study").read(None, "1m"))


def test_publishing_again_does_nothing(filled, deltalake):
    table = filled.publish("study")
    before = logs(table)
    assert filled.publish("study") == table
    assert logs(table) == before
    assert deltalake.DeltaTable(str(table)).version() == 0


def test_a_published_set_is_still_as_it_was_frozen(filled, tmp_path):
    rows = filled.as_of("study").read(None, "1m")
    filled.publish("study")
    assert filled.verify("study").is_empty()
    assert filled.as_of("study").read(None, "1m").equals(rows)
    assert not list(filled.thaw("study", tmp_path / "new").root.rglob("_delta_log"))
    filled.delete("study")
    assert filled.frozen().is_empty()


def test_a_table_stays_as_it_is_while_the_lake_changes(filled, candles, january):
    table = filled.publish("study")
    before = pl.scan_delta(str(table)).collect()
    for number in range(5):
        rows = candles([january], close=200.0 + number)
        filled.append("KRW-BTC", "1m", rows, Spans([(january, january + MINUTE)]))
        assert pl.scan_delta(str(table)).collect().equals(before)
    filled.append("KRW-XRP", "1m", empty(ROW), Spans([(january, january + MINUTE)]))
    assert filled.publish("study") == table
    assert pl.scan_delta(str(table)).collect().equals(before)


def test_half_a_log_is_no_table_and_does_not_hinder_the_next(filled, deltalake):
    log = filled.root / "snapshots" / "study" / "candles" / "_delta_log"
    log.mkdir()
    (log / "_commit_0123.json.tmp").write_text("{")
    table = filled.publish("study")
    assert deltalake.DeltaTable(str(table)).version() == 0
    assert filled.verify("study").is_empty()


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="names of descriptors")
@pytest.mark.parametrize("again", [False, True])
def test_log_and_folders_are_down_before_a_set_is_called_published(filled, monkeypatch, again):
    if again:
        filled.publish("study")
    real, synced = os.fsync, []

    def fsync(descriptor):
        real(descriptor)
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))

    monkeypatch.setattr(os, "fsync", fsync)
    table = filled.publish("study")
    log = table / "_delta_log"
    assert [str(log / name) for name in logs(table)] == synced[-len(logs(table)) - 2 : -2]
    assert synced[-2:] == [str(log), str(table)]


@pytest.mark.parametrize("content", [b"", b'{"protocol"', random.Random(1).randbytes(99)])
def test_a_log_that_a_power_cut_left_without_content_is_written_again(filled, deltalake, content):
    table = filled.publish("study")
    (log,) = (table / "_delta_log").iterdir()
    log.write_bytes(content)
    assert filled.publish("study") == table
    assert len(deltalake.DeltaTable(str(table)).file_uris()) == 7


def test_a_lake_that_may_only_be_read_is_not_published(filled, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(NotWritable, match="may only be read"):
        filled.publish("study")
    assert not list(filled.root.rglob("_delta_log"))


def test_a_log_that_cannot_be_written_is_said_so(filled):
    log = filled.root / "snapshots" / "study" / "candles" / "_delta_log"
    log.write_text("in the way")
    with pytest.raises(NotWritable, match="study"):
        filled.publish("study")


def test_a_set_is_published_without_the_library_of_delta(filled, monkeypatch):
    monkeypatch.setitem(sys.modules, "deltalake", None)
    assert logs(filled.publish("study")) == ["00000000000000000000.json"]


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are texts here")
def test_a_lake_whose_name_is_no_text_has_a_log_too(tmp_path, candles, january, deltalake):
    lake = Lake(tmp_path / os.fsdecode(b"\xc8\xa3\xbc\xf6"))
    lake.append("KRW-BTC", "1m", candles([january]), Spans([(january, january + MINUTE)]))
    lake.freeze("study")
    assert logs(lake.publish("study")) == ["00000000000000000000.json"]
    assert lake.publish("study") == lake.publish("study")


def test_a_log_with_another_byte_is_written_again(filled):
    (log,) = (filled.publish("study") / "_delta_log").iterdir()
    content = log.read_bytes()
    log.write_bytes(content.replace(b'"size": ', b'"size": 1', 1))
    filled.publish("study")
    assert log.read_bytes() == content


def test_a_log_of_deltas_own_writer_is_left_as_it_is(filled, deltalake):
    table = filled.root / "snapshots" / "study" / "candles"
    keys = [deltalake.Field(key, deltalake.schema.PrimitiveType("string")) for key in KEYS]
    schema = deltalake.Schema(keys)
    deltalake.convert_to_deltalake(table, partition_by=schema, partition_strategy="hive")
    (log,) = (table / "_delta_log").iterdir()
    before = log.read_bytes()
    assert filled.publish("study") == table
    assert log.read_bytes() == before


def test_a_table_tells_how_it_is_read(filled, deltalake):
    table = filled.table("study")
    assert table.url == str(filled.root / "snapshots" / "study" / "candles")
    assert (table.name, table.version, table.rows, table.files) == ("study", 0, 7, 7)
    names = {"pl": pl, "deltalake": deltalake}
    assert eval(table.polars, names).collect().height == 7  # noqa: S307 (a line that we wrote)
    assert eval(table.pyarrow, names).count_rows() == 7  # noqa: S307 (as above)
    card = repr(table)
    for line in (table.duckdb, table.spark, table.daft, table.dask, "7 rows in 7 files"):
        assert line in card


def test_the_address_of_a_bucket_is_spelt_as_each_engine_wants_it():
    table = FrozenTable("a", "s3://it's/lake", 3, 1, 1, 1)
    assert table.duckdb == "FROM delta_scan('s3://it''s/lake', version => 3)"
    assert table.spark.endswith('"versionAsOf", 3).load("s3a://it\'s/lake")')


def test_statistics_leave_an_engine_only_the_files_of_a_month(filled, deltalake, january):
    delta = deltalake.DeltaTable(filled.table("study").url)
    adds = pl.from_arrow(delta.get_add_actions(flatten=True)).struct.unnest()
    assert adds["num_records"].sum() == 7
    assert adds["min.time"].min() == datetime.fromtimestamp(january / 1000 - 60, UTC)


def test_a_set_without_trades_is_no_table_of_trades(filled):
    with pytest.raises(InputError, match="'study' has no trades"):
        filled.table("study", "trades")
