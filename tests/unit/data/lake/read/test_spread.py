"""Functions over symbols, and Dask's partitions: in order, one symbol each, with what they raise."""

from __future__ import annotations

import pickle
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import polars as pl
import pytest

from marketkit.coverage import Span, Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.read.spread import Part, Partition
from marketkit.errors import CorruptFile, Incomplete, InputError, MissingExtra, UnknownSymbol
from marketkit.settings import library_version
from marketkit.timeframe import HOUR, parse_time
from marketkit.window import EVER
from tests.unit.data.lake.conftest import make_candles
from tests.waiting import PATIENCE

START = parse_time("2024-01-01")
SYMBOLS = ["KRW-ADA", "KRW-BTC", "KRW-ETH"]


@pytest.fixture
def lake(tmp_path):
    """Three markets with one, two and three candles."""
    one = Lake(tmp_path / "lake")
    for count, symbol in enumerate(SYMBOLS, 1):
        times = [START + n * HOUR for n in range(count)]
        covered = Spans([(START, START + count * HOUR)])
        one.append(symbol, "1h", make_candles(times, symbol, close=100.0 * count), covered)
    return one


@pytest.fixture
def threads():
    with ThreadPoolExecutor(2) as pool:
        yield pool


def counted(rows):
    return rows.group_by("symbol").len()


@pytest.mark.parametrize("there", [False, True])
def test_frames_come_in_the_order_of_the_symbols(lake, threads, there):
    on = threads if there else None
    assert lake.map(counted, timeframe="1h", on=on).rows() == [
        *zip(SYMBOLS, (1, 2, 3), strict=True)
    ]
    some = lake.map(counted, ["KRW-ETH", "ADA/KRW"], "1h", on=on)
    assert some.rows() == [("KRW-ADA", 1), ("KRW-ETH", 3)]
    assert lake.map(counted, "KRW-*", "1h", on=on).height == 3
    later = lake.map(counted, None, "1h", "2024-01-01T01:00", "2024-01-01T02:00", on=on)
    assert later.rows() == [("KRW-BTC", 1), ("KRW-ETH", 1)]
    assert lake.map(lambda rows: rows.collect(), "KRW-BTC", "1h", on=on).height == 2


def test_the_next_files_come_while_the_function_is_at_work(lake, monkeypatch):
    opened = {name: threading.Event() for name in SYMBOLS}
    scan = Lake.scan

    def told(self, symbols, *others):
        opened[symbols].set()
        return scan(self, symbols, *others)

    monkeypatch.setattr(Lake, "scan", told)

    def function(rows):
        found = counted(rows).collect()
        here = SYMBOLS.index(found["symbol"].item())
        following = SYMBOLS[here + 1 :]
        assert all(opened[each].wait(PATIENCE) for each in following[:1])
        assert not any(opened[each].is_set() for each in following[1:])
        return found

    assert lake.map(function, timeframe="1h").height == len(SYMBOLS)


def test_no_more_symbols_are_under_way_than_fit(lake, threads, monkeypatch):
    from marketkit.data.lake.read import spread

    monkeypatch.setattr(spread, "_AHEAD", 1)
    assert lake.map(counted, timeframe="1h", on=threads)["symbol"].to_list() == SYMBOLS


@pytest.mark.parametrize("there", [False, True])
def test_what_the_function_raises_names_the_symbol(lake, threads, there):
    on = threads if there else None

    def failing(rows):
        return rows.select(1 / pl.lit(0)) if rows is None else {}["no such key"]

    with pytest.raises(KeyError, match="no such key") as failed:
        lake.map(failing, timeframe="1h", on=on)
    assert failed.value.__notes__ == ["while KRW-ADA 1h was mapped"]
    with pytest.raises(InputError, match="gives int for KRW-ADA"):
        lake.map(lambda _: 5, timeframe="1h", on=on)


def test_what_cannot_be_done_is_refused_at_once(lake):
    with pytest.raises(InputError, match="takes a LazyFrame"):
        lake.map("features", timeframe="1h")
    with pytest.raises(UnknownSymbol, match="KRW-BTX"):
        lake.map(counted, "KRW-BTX", "1h")
    with pytest.raises(InputError, match="no concurrent"):
        lake.map(counted, timeframe="1h", on=3)
    assert lake.map(counted, timeframe="1m").is_empty()


def spoil(lake, symbol):
    """Change a byte of the candles of a symbol."""
    lake.compact()
    (path,) = lake.root.rglob(f"series={symbol}/*.parquet")
    content = bytearray(path.read_bytes())
    content[40] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("there", [False, True])
def test_of_all_symbols_unreadable_ones_are_left_out_with_a_warning(lake, threads, there):
    on = threads if there else None
    spoil(lake, "KRW-BTC")
    with pytest.warns(Incomplete, match="left out: KRW-BTC 1h"):
        found = lake.map(counted, timeframe="1h", on=on)
    assert found.rows() == [("KRW-ADA", 1), ("KRW-ETH", 3)]
    with pytest.raises(CorruptFile, match="KRW-BTC"):
        lake.map(counted, ["KRW-ADA", "KRW-BTC"], "1h", on=on)
    for symbol in ("KRW-ADA", "KRW-ETH"):
        spoil(lake, symbol)
    with pytest.raises(CorruptFile, match="KRW-ADA"):
        lake.map(counted, timeframe="1h", on=on)


def test_what_the_function_raises_is_no_symbol_left_out(lake):
    def failing(rows):
        raise CorruptFile("of its own")

    with pytest.raises(CorruptFile, match="of its own"):
        lake.map(failing, timeframe="1h")


def test_a_dask_dataframe_of_all_warns_of_series_that_cannot_be_looked_at(lake):
    pytest.importorskip("dask.dataframe")
    lake.compact()
    (path,) = lake.root.rglob("series=KRW-BTC/*.parquet")
    path.write_bytes(b"none of ours")
    with pytest.warns(Incomplete, match="left out: KRW-BTC 1h"):
        frame = Lake(lake.root).dask(timeframe="1h")
    assert frame.npartitions == 2


def test_frames_with_other_columns_are_named(lake):
    def odd(rows):
        frame = rows.collect()
        return frame.select("close") if frame.height == 2 else frame.select("open")

    with pytest.raises(InputError, match="other columns for KRW-BTC than for KRW-ADA"):
        lake.map(odd, timeframe="1h")
    # Numbers of several kinds are put together.
    mixed = lake.map(
        lambda rows: rows.select(pl.len()).with_columns(pl.lit(None).alias("n")), timeframe="1h"
    )
    assert mixed.columns == ["len", "n"]


def test_a_partition_is_read_where_it_is_needed_by_the_same_marketkit(lake):
    partition = Partition(lake, "1h", EVER, "seen", library_version())
    there = pickle.loads(pickle.dumps(partition))  # noqa: S301 - our own
    frame = there("KRW-BTC")
    assert list(frame.index) == ["KRW-BTC"] * 2
    assert list(there("KRW-BTC", columns=["close", "symbol"]).columns) == ["close"]
    with pytest.raises(InputError, match="install the same version"):
        Partition(lake, "1h", EVER, "seen", "0.0.0")("KRW-BTC")
    assert Part(lake, "KRW-ETH", "1h", Span(START, START + HOUR)).scan().collect().height == 1


def test_a_dask_dataframe_has_a_partition_a_symbol_and_known_divisions(lake):
    pytest.importorskip("dask.dataframe")
    frame = lake.dask(timeframe="1h")
    assert frame.npartitions == 3
    assert frame.known_divisions
    assert frame.divisions == (*SYMBOLS, SYMBOLS[-1])
    with_threads = {"scheduler": "synchronous"}
    whole = frame.compute(**with_threads)
    assert list(whole.columns) == ["time", "open", "high", "low", "close", "volume", "value"]
    assert list(whole.index) == ["KRW-ADA", "KRW-BTC", "KRW-BTC", *["KRW-ETH"] * 3]
    assert list(frame.loc["KRW-BTC"].compute(**with_threads)["close"]) == [200.0] * 2
    assert frame.loc["KRW-BTC"].npartitions == 1
    assert frame["close"].sum().compute(**with_threads) == 100 + 2 * 200 + 3 * 300
    means = frame.groupby("symbol")["close"].mean().compute(**with_threads)
    assert dict(means) == {"KRW-ADA": 100.0, "KRW-BTC": 200.0, "KRW-ETH": 300.0}
    kinds = frame.dtypes
    assert dict(kinds) == dict(whole.dtypes)


def test_partitions_of_a_lake_that_changed_have_other_names(lake):
    pytest.importorskip("dask.dataframe")
    before, same = lake.dask(timeframe="1h"), lake.dask(timeframe="1h")
    assert before._name == same._name
    start = START + 9 * HOUR
    lake.append("KRW-BTC", "1h", make_candles([start]), Spans([(start, start + HOUR)]))
    lake.compact()
    assert lake.dask(timeframe="1h")._name != before._name


def test_dask_is_an_extra_and_a_frame_has_a_partition(lake, monkeypatch):
    with pytest.raises(UnknownSymbol):
        lake.dask("KRW-NOPE", "1h")
    monkeypatch.setitem(sys.modules, "dask.dataframe", None)
    with pytest.raises(MissingExtra, match=r"marketkit-upbit\[dask\]"):
        lake.dask(timeframe="1h")


def test_a_lake_without_the_series_has_no_dask_dataframe(lake):
    pytest.importorskip("dask.dataframe")
    with pytest.raises(InputError, match="no such series"):
        lake.dask(timeframe="1m")
