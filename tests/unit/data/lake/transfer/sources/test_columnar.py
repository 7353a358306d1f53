"""Parquet and Arrow of anybody: types are read, damage is named, what is nested is left out."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import polars as pl
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from marketkit.data.lake.transfer.sources.columnar import read_arrow, read_parquet
from marketkit.errors import InputError

NINE = datetime(2024, 1, 1, 9, tzinfo=UTC)
TABLE = pa.table(
    {
        "date": pa.array([NINE], pa.timestamp("ns", "+09:00")),
        "open": pa.array([1.5], pa.float32()),
        "market": pa.array(["KRW-BTC"]).dictionary_encode(),
        "info": pa.array([{"a": 1}]),
    }
)


def written(write, table=TABLE):
    file = pa.BufferOutputStream()
    write(table, file)
    return file.getvalue().to_pybytes()


def as_stream(table, file):
    with pa.ipc.new_stream(file, table.schema) as stream:
        stream.write_table(table)


CASES = [
    (read_parquet, pq.write_table),
    (read_arrow, pa.feather.write_feather),
    (read_arrow, lambda table, file: pa.feather.write_feather(table, file, "zstd")),
    (read_arrow, as_stream),
]


@pytest.mark.parametrize(("read", "write"), CASES)
def test_columns_keep_their_types_and_zones_of_any_name_are_utc(read, write):
    frame = read(written(write))
    assert frame.columns == ["date", "open", "market"]
    assert frame["date"].dtype == pl.Datetime("ns", "UTC")
    assert frame["date"][0] == NINE
    assert frame["open"].dtype == pl.Float32
    assert frame["market"].cast(pl.String).to_list() == ["KRW-BTC"]


@pytest.mark.parametrize("write", ["write_parquet", "write_ipc"])
def test_files_of_our_own_are_read(write):
    file = io.BytesIO()
    rows = pl.DataFrame({"time": [NINE], "state": pl.Series(["closed"], dtype=pl.Enum(["closed"]))})
    getattr(rows, write)(file)
    read = read_parquet if write == "write_parquet" else read_arrow
    assert (
        read(file.getvalue()).with_columns(pl.col("state").cast(pl.String))["state"][0] == "closed"
    )


@pytest.mark.parametrize(
    ("read", "content"),
    [
        (read_parquet, b"PAR1 and then rot"),
        (read_parquet, written(pq.write_table)[:-20]),
        (read_arrow, b"rot"),
        (read_arrow, written(pa.feather.write_feather)[:-20]),
    ],
)
def test_damage_is_an_error_of_ours(read, content):
    with pytest.raises(InputError, match="cannot be read: no whole"):
        read(content)
