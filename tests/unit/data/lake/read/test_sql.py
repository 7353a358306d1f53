"""SQL over the lake."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.read import sql as query
from marketkit.data.lake.read.sql import view_of
from marketkit.errors import CorruptFile, Incomplete, InputError, MissingExtra
from marketkit.schema import ROW, TIME
from marketkit.timeframe import TIMEFRAMES
from tests.opened import count_open

MINUTE = 60_000
HOUR = 60 * MINUTE
APPENDER = Path(__file__).parents[1] / "appender.py"


@pytest.fixture
def duckdb():
    return pytest.importorskip("duckdb")


@pytest.fixture
def filled(lake, candles, january, duckdb):
    """Two markets with the minutes around the start of a month, one of them with an hour."""
    for number, symbol in enumerate(("KRW-BTC", "KRW-ETH")):
        covering = Spans([(january - 5 * MINUTE, january + 5 * MINUTE)])
        times = [january - MINUTE, january, january + MINUTE]
        lake.append(symbol, "1m", candles(times, symbol, 100.0 + number), covering)
    lake.append("KRW-BTC", "1h", candles([january], close=7.0), Spans([(january, january + HOUR)]))
    return lake


def test_a_view_of_each_timeframe_gives_the_rows_of_the_lake(filled):
    for timeframe in ("1m", "1h"):
        rows = filled.sql(f"from candles_{timeframe} order by symbol, time")
        assert rows.schema == pl.Schema(ROW)
        assert rows.equals(filled.read(None, timeframe))


def test_one_view_has_all_timeframes(filled):
    rows = filled.sql(
        "select timeframe, symbol, count(*) as n from candles group by all order by all"
    )
    assert rows.rows() == [("1h", "KRW-BTC", 1), ("1m", "KRW-BTC", 3), ("1m", "KRW-ETH", 3)]
    assert filled.sql("select * from candles limit 1").columns == [
        "symbol",
        "timeframe",
        *list(ROW)[1:],
    ]


@pytest.mark.parametrize("name", sorted(TIMEFRAMES.keys() - {"1m", "1h"}))
def test_a_timeframe_without_candles_is_an_empty_view(filled, name):
    rows = filled.sql(f"from {view_of(TIMEFRAMES[name])}")
    assert rows.is_empty()
    assert rows.schema == pl.Schema(ROW)


def test_a_lake_that_is_not_there_has_empty_views_and_leaves_no_trace(lake, duckdb):
    assert lake.sql("select * from candles").is_empty()
    assert not lake.root.exists()


def test_views_are_told_apart_where_case_is_ignored():
    views = [view_of(timeframe) for timeframe in TIMEFRAMES.values()]
    assert len({view.lower() for view in views}) == len(TIMEFRAMES)
    assert "candles_1mo" in views


def test_names_are_found_however_they_are_spelled(filled):
    for spelled in ('"Candles_1M"', "CANDLES_1m", "query_table('candles_1m')"):
        assert filled.sql(f"from {spelled}").height == 6
    text = "with candles_x as (select * from candles_1h) select count(*) from candles_x"
    assert filled.sql(text).item() == 1


@pytest.mark.parametrize(
    ("where", "count"),
    [
        ("symbol = 'KRW-ETH'", 3),
        ("symbol in ('KRW-ETH', 'KRW-XRP')", 3),
        ("symbol like 'KRW-%'", 6),
        ("symbol <> 'KRW-ETH'", 3),
        ("time >= '2024-01-01'", 4),
        ("time < '2024-01-01'", 2),
        ("time <= '2024-01-01'", 4),
        ("time = timestamptz '2024-01-01 09:00:00+09'", 2),
        ("time between '2023-12-31 23:59' and '2024-01-01 00:00'", 4),
        ("symbol = 'KRW-BTC' and time > '2024-01-01'", 1),
        ("time > '2024-02-01'", 0),
        ("time is null or symbol is null", 0),
        ("hour(time) = 23", 2),
    ],
)
def test_what_lets_files_be_passed_by_never_changes_the_answer(filled, where, count):
    assert filled.sql(f"from candles_1m where {where}").height == count


def test_times_come_in_milliseconds_and_utc(filled):
    rows = filled.sql(
        "select max(time) as last, date_trunc('day', min(time)) as day from candles_1m"
    )
    assert rows.dtypes == [TIME, TIME]
    assert rows.row(0) == (
        datetime(2024, 1, 1, 0, 1, tzinfo=UTC),
        datetime(2023, 12, 31, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("select nothing from candles_1m", "nothing"),
        ("slect", "syntax error"),
        ("select * from candles_7m", "candles_7m"),
        ("select cast(symbol as int) from candles_1m", "KRW-BTC"),
        ("select 'infinity'::timestamp", "outside of the years"),
        ("", "no rows"),
    ],
)
def test_a_wrong_query_is_refused_with_what_is_wrong(filled, text, says):
    with pytest.raises(InputError, match=says):
        filled.sql(text)


@pytest.mark.parametrize(
    "text",
    [
        "select * from read_text('{secret}')",
        "select * from '{secret}'",
        "select * from glob('{folder}/*')",
        "copy candles_1m to '{folder}/out.csv'",
        "with stolen as (copy candles_1m to '{folder}/out.csv') select * from stolen",
        "explain analyze copy candles_1m to '{folder}/out.csv'",
        "export database '{folder}/out'",
        "attach '{folder}/out.db'",
        "set enable_external_access = true",
        "set lock_configuration = false",
        "install httpfs",
        "load httpfs",
        "select * from filled",
        "delete from candles_1m",
        "insert into candles_1m select * from candles_1m",
    ],
)
def test_a_query_reads_and_writes_nothing_else(filled, tmp_path, text):
    folder = tmp_path / "other"
    folder.mkdir()
    (folder / "secret.txt").write_text("secret")
    lake = sorted(path.name for path in filled.root.rglob("*"))
    with pytest.raises(InputError):
        filled.sql(text.format(folder=folder, secret=folder / "secret.txt"))
    assert [path.name for path in folder.iterdir()] == ["secret.txt"]
    assert sorted(path.name for path in filled.root.rglob("*")) == lake


def test_a_query_leaves_no_file_open_and_nothing_in_the_lake(filled):
    filled.sql("select count(*) from candles")
    with pytest.raises(InputError):
        filled.sql("select nothing from candles")
    assert count_open(filled.root.rglob("*.parquet")) == 0
    assert not (filled.root / "snapshots").exists()


def test_a_frozen_set_is_asked_as_it_was(filled, candles, january):
    text = "select sum(close) from candles_1m"
    before = filled.sql(text).item()
    filled.freeze("a")
    rows = candles([january], close=999.0)
    filled.append("KRW-BTC", "1m", rows, Spans([(january, january + MINUTE)]))
    assert filled.sql(text).item() == before + 899
    assert filled.sql(text, as_of="a").item() == before
    with pytest.raises(InputError, match="no frozen set"):
        filled.sql(text, as_of="b")


def test_a_file_that_rots_is_named(filled, january):
    path = filled.root / "candles/source=upbit/timeframe=1min/series=KRW-ETH/2024-01.parquet"
    filled.catalog()
    stat, content = path.stat(), bytearray(path.read_bytes())
    content[4:400] = bytes(396)
    with path.open("r+b") as file:
        file.write(content)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    with pytest.warns(Incomplete, match=r"series=KRW-ETH/2024-01\.parquet"):
        found = filled.sql("select symbol, max(time) from candles_1m group by symbol")
    assert found["symbol"].to_list() == ["KRW-BTC"]
    assert filled.sql("select count(*) from candles_1h").item() == 1


def test_a_file_that_goes_after_the_look_is_named(filled, monkeypatch):
    path = filled.root / "candles/source=upbit/timeframe=1min/series=KRW-ETH/2024-01.parquet"
    real = query._files
    monkeypatch.setattr(query, "_files", lambda found: (real(found), path.unlink())[0])
    with pytest.warns(Incomplete, match=r"series=KRW-ETH/2024-01\.parquet"):
        filled.sql("select count(*) from candles_1m")


def test_a_query_about_what_cannot_be_read_alone_is_refused(filled):
    path = filled.root / "candles/source=upbit/timeframe=1min/series=KRW-ETH/2024-01.parquet"
    path.write_bytes(b"rot")
    with pytest.raises(CorruptFile, match=r"(?s)series=KRW-ETH/2024-01\.parquet.*lake repair"):
        filled.sql("select count(*) from candles_1m where symbol = 'KRW-ETH'")
    select = "select count(*) from candles_1m where symbol"
    for text in ("<> 'KRW-ETH'", "in ('KRW-ETH', 'KRW-BTC')"):
        with pytest.warns(Incomplete, match="KRW-ETH 1m"):
            assert filled.sql(f"{select} {text}").item() > 0


def test_a_file_that_is_replaced_after_the_look_is_read_whole(
    filled, candles, january, monkeypatch
):
    later = january + 60 * MINUTE
    real = query._files

    def files(found):
        listed = real(found)
        rows, covering = candles([later]), Spans([(later, later + MINUTE)])
        filled.append("KRW-BTC", "1m", rows, covering)
        return listed

    monkeypatch.setattr(query, "_files", files)
    text = "select max(time) from candles_1m where time > '2024-01-01 00:30'"
    assert filled.sql(text).item() == datetime(2024, 1, 1, 1, tzinfo=UTC)


def test_queries_stand_while_another_process_writes(filled):
    command = [sys.executable, str(APPENDER), str(filled.root), "pages", "0", "1", "60"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    counts = []
    with subprocess.Popen(command, env=environment) as writer:
        while writer.poll() is None:
            text = "select count(*), count(distinct time) from candles_1m where symbol = 'KRW-BTC'"
            counts.append(filled.sql(text).row(0))
    assert writer.returncode == 0
    assert counts == sorted(counts)
    assert all(rows == times for rows, times in counts)


def test_without_duckdb_the_extra_is_named(lake, monkeypatch):
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(MissingExtra, match=r"marketkit-upbit\[sql\]"):
        lake.sql("select 1")


def test_importing_the_lake_loads_neither_duckdb_nor_datasets():
    code = (
        "import sys, marketkit.data.lake.lake;"
        "print({'duckdb', 'deltalake', 'pyarrow.dataset'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_frozen_lake_is_asked_like_any_other(filled):
    filled.freeze("a")
    old = filled.as_of("a")
    assert isinstance(old, Lake)
    assert old.sql("select count(*) from candles").item() == 7


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are texts here")
def test_a_lake_may_have_a_name_that_is_no_text(tmp_path, candles, january, duckdb):
    lake = Lake(tmp_path / os.fsdecode(b"\xc8\xa3\xbc\xf6"))
    lake.append("KRW-BTC", "1h", candles([january]), Spans([(january, january + HOUR)]))
    assert lake.sql("select count(*) from candles").item() == 1
