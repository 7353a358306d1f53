"""One file for others, which comes back as it went."""

from __future__ import annotations

import os

import polars as pl
import pyarrow as pa
import pyarrow.feather
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.transfer.exporting import write_rows
from marketkit.errors import InputError, NotWritable
from marketkit.schema import ROW, empty
from marketkit.timeframe import iso, parse_time

MINUTE = 60_000
SUFFIXES = (".csv", ".parquet", ".arrow", ".feather")


@pytest.fixture
def filled(lake, candles, january):
    """Two symbols of four minutes each, one without turnover."""
    times = range(january, january + 4 * MINUTE, MINUTE)
    for symbol, value in [("KRW-BTC", 7.5), ("KRW-ETH", None)]:
        rows = candles(times, symbol=symbol, value=value)
        lake.append(symbol, "1m", rows, Spans([(january, january + 5 * MINUTE)]))
    return lake


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_went_out_comes_back_row_for_row(filled, tmp_path, suffix):
    path = tmp_path / f"out{suffix}"
    assert filled.export(path) == 8
    back = Lake(tmp_path / "back")
    for symbol in ("KRW-BTC", "KRW-ETH"):
        assert back.import_(path, symbol=symbol, timeframe="1m").rows == 4
    assert back.read(None, "1m").equals(filled.read(None, "1m"))


def test_symbols_and_range_are_chosen(filled, tmp_path, january):
    rows = filled.export(
        tmp_path / "out.parquet", "KRW-ETH", "1m", january + MINUTE, iso(january + 3 * MINUTE)
    )
    assert rows == 2
    assert set(pl.read_parquet(tmp_path / "out.parquet")["symbol"]) == {"KRW-ETH"}


def test_a_csv_has_times_as_people_read_them(filled, tmp_path):
    filled.export(tmp_path / "out.csv", "KRW-BTC")
    lines = (tmp_path / "out.csv").read_text().splitlines()
    assert lines[:2] == [
        "symbol,time,open,high,low,close,volume,value",
        "KRW-BTC,2024-01-01T00:00:00Z,100.0,100.0,100.0,100.0,1.0,7.5",
    ]


def test_other_arrow_readers_know_the_columns(filled, tmp_path):
    filled.export(tmp_path / "out.feather")
    table = pa.feather.read_table(tmp_path / "out.feather")
    assert table.schema.field("symbol").type in (pa.string(), pa.large_string())
    assert table.schema.field("time").type == pa.timestamp("ms", "UTC")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_nothing_is_a_file_with_all_columns(lake, tmp_path, suffix):
    path = tmp_path / f"out{suffix}"
    assert lake.export(path, "KRW-BTC") == 0
    with pytest.raises(InputError, match="has no rows"):
        lake.import_(path, symbol="KRW-BTC", timeframe="1m")


def test_a_file_that_is_there_is_kept_unless_told_otherwise(filled, tmp_path):
    path = tmp_path / "out.csv"
    path.write_text("mine")
    with pytest.raises(InputError, match="overwrite=True"):
        filled.export(path)
    assert path.read_text() == "mine"
    assert filled.export(path, overwrite=True) == 8


@pytest.mark.parametrize("name", ["out.xlsx", "out", "out.parqet"])
def test_another_kind_of_file_is_refused(filled, tmp_path, name):
    with pytest.raises(InputError, match=r"one of \.csv \.parquet"):
        filled.export(tmp_path / name)


def test_a_write_that_fails_leaves_what_was_there(filled, tmp_path, monkeypatch):
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "out.csv").write_text("mine")

    def full(*_given):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(NotWritable, match=r"out\.csv cannot be written.*No space"):
        filled.export(folder / "out.csv", overwrite=True)
    assert [(each.name, each.read_text()) for each in folder.iterdir()] == [("out.csv", "mine")]


def test_a_folder_that_is_not_there_is_told_of(filled, tmp_path):
    with pytest.raises(NotWritable, match="gone"):
        filled.export(tmp_path / "gone" / "out.csv")


@settings(deadline=None, max_examples=30, suppress_health_check=list(HealthCheck))
@given(volumes=st.lists(st.floats(0, 1e15, allow_subnormal=False), min_size=1, max_size=20))
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_numbers_come_back_to_the_last_bit(tmp_path_factory, suffix, volumes):
    folder = tmp_path_factory.mktemp("numbers")
    first = parse_time("2024-01-01")
    times = pl.Series(range(first, first + len(volumes) * MINUTE, MINUTE)).cast(ROW["time"])
    rows = pl.DataFrame({"time": times, "volume": volumes}).select(
        pl.lit("KRW-BTC").alias("symbol"),
        "time",
        *(pl.lit(0.1 + 0.2).alias(name) for name in ("open", "high", "low", "close")),
        pl.col("volume").cast(pl.Float64),
        pl.lit(1 / 3).alias("value"),
    )
    assert write_rows(folder / f"out{suffix}", rows) == len(volumes)
    back = Lake(folder / "back")
    back.import_(folder / f"out{suffix}", symbol="KRW-BTC", timeframe="1m")
    assert back.read("KRW-BTC", "1m").equals(rows)


def test_an_empty_frame_keeps_its_types(tmp_path):
    write_rows(tmp_path / "out.parquet", empty(ROW))
    assert dict(pl.read_parquet(tmp_path / "out.parquet").schema) == dict(ROW)
