"""Engines of others, unmodified, on frozen sets: two versions of one table, each with its sums."""

from __future__ import annotations

import os
from collections.abc import Callable

import polars as pl
import pytest

from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.snapshots.table import FrozenTable
from marketkit.timeframe import MINUTE
from tests.scale import conftest as stores
from tests.unit.data.lake.conftest import make_candles

# Daft holds pyarrow back; CI tests it in an environment of its own.
_LINE = "pip install '.[dask,delta,pandas,s3,sandbox,sql]' hypothesis daft dask-deltatable"
daft = pytest.importorskip("daft", reason=f"no daft here: {_LINE}")
dask_deltatable = pytest.importorskip("dask_deltatable", reason=f"no Dask for tables here: {_LINE}")
deltalake = pytest.importorskip("deltalake", reason=f"no deltalake here: {_LINE}")
duckdb = pytest.importorskip("duckdb", reason=f"no duckdb here: {_LINE}")
dd = pytest.importorskip("dask.dataframe")
pytestmark = [
    pytest.mark.clients,
    # Of the engines' own code, which is not ours to mend.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::PendingDeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
SYMBOLS = ["KRW-BTC", "KRW-ETH", "KRW-a/b"]
TOTAL = sum(2 * (100.25 + number) for number in range(3))
TOTALS = {"a": TOTAL, "b": TOTAL - 100.25 + 7.0}
Answer = tuple[float, int]  # the sum of all closes, and the rows of one market


def by_polars(table: FrozenTable) -> Answer:
    scanned = pl.scan_delta(table.url, version=table.version)
    one = scanned.filter(pl.col("series") == "KRW-a/b").collect()
    return scanned.select(pl.col("close").sum()).collect().item(), one.height


def by_pyarrow(table: FrozenTable) -> Answer:
    delta = deltalake.DeltaTable(table.url, version=table.version)
    one = delta.to_pyarrow_table(partitions=[("series", "=", "KRW-a/b")])
    return sum(delta.to_pyarrow_table()["close"].to_pylist()), one.num_rows


def by_daft(table: FrozenTable) -> Answer:
    config = None
    if table.url.startswith("s3://"):
        store = daft.io.S3Config(
            endpoint_url=os.environ["AWS_ENDPOINT_URL"],
            key_id=os.environ["AWS_ACCESS_KEY_ID"],
            access_key=os.environ["AWS_SECRET_ACCESS_KEY"],
            region_name="us-east-1",
            use_ssl=False,
            force_virtual_addressing=False,
        )
        config = daft.io.IOConfig(s3=store)
    frame = daft.read_deltalake(table.url, version=table.version, io_config=config)
    one = frame.where(daft.col("series") == "KRW-a/b")
    return frame.sum("close").to_pydict()["close"][0], one.count_rows()


def by_dask(table: FrozenTable) -> Answer:
    if table.url.startswith("s3://"):  # its package would want s3fs
        return by_dask_of_files(table)
    read = dask_deltatable.read_deltalake
    frame = read(table.url, version=table.version)
    one = read(table.url, version=table.version, filter=[("series", "=", "KRW-a/b")])
    return float(frame["close"].sum().compute(scheduler="synchronous")), len(one)


def by_dask_of_files(table: FrozenTable) -> Answer:
    files = deltalake.DeltaTable(table.url, version=table.version).file_uris()
    frame = dd.from_map(lambda file: pl.read_parquet(file).to_pandas(), files)
    closes = frame[["symbol", "close"]].compute(scheduler="synchronous")
    return float(closes["close"].sum()), int((closes["symbol"] == "KRW-a/b").sum())


def by_duckdb(table: FrozenTable) -> Answer:
    with duckdb.connect() as connection:
        try:
            connection.execute("install delta; load delta")
        except duckdb.Error as error:  # it comes from DuckDB's own server
            pytest.skip(f"no extension delta of duckdb here: {str(error).splitlines()[0]}")
        if table.url.startswith("s3://"):
            endpoint = os.environ["AWS_ENDPOINT_URL"].partition("://")[2]
            connection.execute(
                "create secret (type s3, provider config, use_ssl false, url_style 'path',"
                f" endpoint '{endpoint}', key_id '{os.environ['AWS_ACCESS_KEY_ID']}',"
                f" secret '{os.environ['AWS_SECRET_ACCESS_KEY']}', region 'us-east-1')"
            )
        query = f"select sum(close), count(*) filter (series = 'KRW-a/b') {table.duckdb.lower()}"
        answer: Answer = connection.execute(query).fetchone()
        return answer


_base, moto, moto_url = stores._base, stores.moto, stores.moto_url
ENGINES = [by_polars, by_pyarrow, by_daft, by_dask, by_duckdb]


def frozen_twice(lake: Lake) -> Lake:
    for number, symbol in enumerate(SYMBOLS):
        rows = make_candles([0, MINUTE], symbol, 100.25 + number)
        lake.append(symbol, "1m", rows, Spans([(0, 3 * MINUTE)]))
    lake.freeze("a")
    lake.append("KRW-BTC", "1m", make_candles([0], close=7.0), Spans([(0, MINUTE)]))
    lake.freeze("b")
    return lake


@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_reads_both_sets_of_a_folder(engine: Callable[[FrozenTable], Answer], tmp_path):
    lake = frozen_twice(Lake(tmp_path / "lake"))
    assert {name: engine(lake.table(name)) for name in TOTALS} == {
        name: (total, 2) for name, total in TOTALS.items()
    }


@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_reads_both_versions_of_the_table_of_a_bucket(
    engine: Callable[[FrozenTable], Answer], moto_url, tmp_path, monkeypatch
):
    monkeypatch.setenv("MARKETKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    lake = frozen_twice(Lake(moto_url))
    tables = [lake.table(name) for name in TOTALS]
    assert len({table.url for table in tables}) == 1
    assert [engine(table) for table in tables] == [(total, 2) for total in TOTALS.values()]
