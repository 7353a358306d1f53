"""The lake as its users see it."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import sys
import tempfile
import weakref
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.report.coverage import CATALOG, COVERAGE, GAPS
from marketkit.errors import (
    CorruptFile,
    Incomplete,
    InputError,
    InvalidRange,
    NewerFormat,
    UnknownTimeframe,
)
from marketkit.schema import ROW, empty
from marketkit.timeframe import TIMEFRAMES

MINUTE = 60_000


def at(iso: str) -> int:
    return int(datetime.fromisoformat(iso).replace(tzinfo=UTC).timestamp()) * 1000


@pytest.fixture
def filled(lake, candles, january):
    """Two markets with two minutes of each month's end and start, covered for ten."""
    for symbol in ("KRW-ETH", "KRW-BTC"):
        for month in (january, january + 31 * 1440 * MINUTE):
            lake.append(
                symbol,
                "1m",
                candles([month - MINUTE, month], symbol=symbol),
                Spans([(month - 5 * MINUTE, month + 5 * MINUTE)]),
            )
    return lake


def test_making_and_reading_a_lake_that_is_not_there_leaves_no_trace(tmp_path):
    lake = Lake(tmp_path / "lake")
    assert lake.covered("KRW-BTC", "1m") == Spans()
    assert lake.nothing_before("KRW-BTC", "1m") is None
    assert lake.missing("KRW-BTC", "1m", 0, MINUTE) == Spans([(0, MINUTE)])
    assert lake.read(None, "1m").equals(empty(ROW))
    assert lake.scan("KRW-BTC", "1m").collect().equals(empty(ROW))
    assert lake.coverage().schema == pl.Schema(COVERAGE)
    assert lake.gaps().schema == pl.Schema(GAPS)
    assert lake.catalog().schema == pl.Schema(CATALOG)
    assert "no candles yet" in repr(lake)
    assert not lake.root.exists()


def test_what_was_appended_is_read_back_sorted_whatever_the_order(lake, candles, january):
    times = [january + minute * MINUTE for minute in range(5)]
    covering = Spans([(times[0], times[-1] + MINUTE)])
    assert lake.append("KRW-BTC", "1m", candles(times[::-1]), covering) == (5, 0)
    assert lake.read("KRW-BTC", "1m").equals(candles(times))


def test_many_symbols_come_sorted_by_symbol_and_time(filled):
    for symbols in (None, ["KRW-ETH", "KRW-BTC"], iter(["KRW-BTC", "KRW-ETH", "KRW-BTC"])):
        rows = filled.read(symbols, "1m")
        assert rows.equals(rows.sort("symbol", "time"))
        assert rows.height == 8
        assert rows["symbol"].unique().sort().to_list() == ["KRW-BTC", "KRW-ETH"]


def test_a_scan_reads_only_when_collected_and_gives_the_same(filled):
    frame = filled.scan(None, "1m")
    assert isinstance(frame, pl.LazyFrame)
    assert frame.collect_schema() == pl.Schema(ROW)
    assert frame.collect().equals(filled.read(None, "1m"))


def test_an_unknown_symbol_has_no_rows(filled):
    assert filled.read("KRW-NONE", "1m").is_empty()
    assert filled.read(["KRW-BTC", "KRW-NONE"], "1m").height == 4


def test_timeframes_lie_apart(filled):
    assert filled.read(None, "3m").is_empty()
    assert filled.covered("KRW-BTC", "3m") == Spans()


@pytest.mark.parametrize(
    ("start", "end", "count"),
    [
        (None, None, 4),
        (0, None, 3),
        (0, 1, 1),
        (1, None, 2),
        (0, 0, 0),
        (-1, 1, 2),
        (None, 0, 1),
        (0, 31 * 1440, 2),
        (0, 31 * 1440 + 1, 3),
    ],
)
def test_a_range_includes_its_start_and_not_its_end(filled, january, start, end, count):
    edges = [None if edge is None else january + edge * MINUTE for edge in (start, end)]
    assert filled.read("KRW-BTC", "1m", *edges).height == count
    assert filled.scan("KRW-BTC", "1m", *edges).collect().height == count


def test_times_may_be_text_dates_or_aware_datetimes(filled, january):
    expected = filled.read("KRW-BTC", "1m", january, january + MINUTE)
    for start in ("2024-01-01", date(2024, 1, 1), datetime(2024, 1, 1, tzinfo=UTC)):
        assert filled.read("KRW-BTC", "1m", start, "2024-01-01T00:01").equals(expected)
    with pytest.raises(InvalidRange, match="naive"):
        filled.read("KRW-BTC", "1m", datetime(2024, 1, 1))  # noqa: DTZ001


@pytest.mark.parametrize("method", ["read", "scan", "coverage", "gaps"])
def test_a_wrong_question_is_refused(filled, method):
    ask = getattr(filled, method)
    with pytest.raises(InvalidRange):
        ask("KRW-BTC", "1m", 5 * MINUTE, 0)
    with pytest.raises(InputError, match="not a symbol"):
        ask("../x", "1m")
    with pytest.raises(UnknownTimeframe):
        ask("KRW-BTC", "2m")


@pytest.mark.parametrize("symbol", ["../x", "/etc/passwd"])
def test_a_path_is_never_a_symbol(lake, candles, symbol):
    with pytest.raises(InputError, match="not a symbol"):
        lake.append(symbol, "1m", candles([0], symbol=symbol), Spans([(0, MINUTE)]))
    assert not lake.root.exists()


@pytest.mark.parametrize("symbol", ["KRW-BTC/..", "..-../..", "KRW-/etc/passwd"])
def test_a_code_with_a_path_in_it_is_one_folder_of_the_lake(lake, candles, symbol):
    lake.append(symbol, "1m", candles([0], symbol=symbol), Spans([(0, MINUTE)]))
    assert lake.read(symbol, "1m")["symbol"].to_list() == [symbol]
    (file,) = lake.root.parent.rglob("*.parquet")
    assert file.parents[2] == lake.root / "candle" or lake.root in file.parents
    assert ".." not in file.parts


@pytest.mark.parametrize("name", list(TIMEFRAMES))
def test_every_timeframe_keeps_its_candles_over_chunks(lake, candles, january, name):
    timeframe = TIMEFRAMES[name]
    slots = [timeframe.shift(january, number) for number in range(-3, 4)]
    covering = Spans([(slots[0], timeframe.next(slots[-1]))])
    rows = candles(slots)
    assert lake.append("KRW-BTC", name, rows, covering) == (7, 0)
    assert lake.read("KRW-BTC", name).equals(rows)
    assert lake.covered("KRW-BTC", name) == covering
    assert lake.missing("KRW-BTC", name, slots[0], timeframe.shift(slots[0], 9)) == Spans(
        [(timeframe.next(slots[-1]), timeframe.shift(slots[0], 9))]
    )
    assert lake.catalog().select("timeframe", "rows", "slots").row(0) == (name, 7, 7)


def test_asked_and_silent_is_covered_and_not_missing(lake, january):
    covering = Spans([(january, january + 9 * MINUTE)])
    assert lake.append("KRW-BTC", "1m", empty(ROW), covering) == (0, 0)
    assert lake.covered("KRW-BTC", "1m") == covering
    assert lake.missing("KRW-BTC", "1m", january, january + 9 * MINUTE) == Spans()
    assert lake.coverage("KRW-BTC").select("state", "slots").rows() == [("empty", 9)]


def test_every_slot_of_a_range_is_in_one_span_of_the_coverage(filled, january):
    frame = filled.coverage("KRW-BTC", "1m", january - 7 * MINUTE, january + 7 * MINUTE)
    assert frame.select("state", "slots").rows() == [
        ("unknown", 2),
        ("empty", 4),
        ("traded", 2),
        ("empty", 4),
        ("unknown", 2),
    ]


def test_without_a_range_the_coverage_reaches_as_far_as_anything_is_known(filled, january):
    frame = filled.coverage()
    assert frame["symbol"].unique().sort().to_list() == ["KRW-BTC", "KRW-ETH"]
    assert frame["slots"].sum() == 2 * (31 * 1440 + 10)
    gaps = filled.gaps("KRW-BTC")
    assert gaps.select("start", "end", "slots").rows() == [
        (
            datetime(2024, 1, 1, 0, 5, tzinfo=UTC),
            datetime(2024, 1, 31, 23, 55, tzinfo=UTC),
            31 * 1440 - 10,
        )
    ]


def test_gaps_of_a_symbol_nobody_asked_about_are_the_whole_range(filled, january):
    gaps = filled.gaps("KRW-NONE", "1m", january, january + 3 * MINUTE)
    assert gaps["slots"].to_list() == [3]
    assert filled.gaps("KRW-NONE").is_empty()


def test_what_cannot_exist_is_no_gap(lake, candles, january):
    covering = Spans([(january, january + MINUTE)])
    lake.append("KRW-BTC", "1m", candles([january]), covering, nothing_before=january)
    early = january - 1440 * MINUTE
    assert lake.nothing_before("KRW-BTC", "1m") == january
    assert lake.missing("KRW-BTC", "1m", early, january + MINUTE) == Spans()
    assert lake.gaps("KRW-BTC", "1m", early, january + 2 * MINUTE)["slots"].to_list() == [1]
    assert lake.coverage("KRW-BTC", "1m", early)["state"].to_list() == ["before_listing", "traded"]


def test_the_catalog_lists_every_series_once(filled):
    frame = filled.catalog()
    assert frame.select("symbol", "timeframe", "rows", "slots", "files").rows() == [
        ("KRW-BTC", "1m", 4, 20, 3),
        ("KRW-ETH", "1m", 4, 20, 3),
    ]
    assert frame["bytes"].sum() == sum(
        path.stat().st_size for path in filled.root.glob("candles/**/*.parquet")
    )
    assert "2 series, 8 candles" in repr(filled)


def test_sources_lie_apart(filled, candles, january):
    other = Lake(filled.root, source="other")
    assert other.read(None, "1m").is_empty()
    other.append("KRW-BTC", "1m", candles([january]), Spans([(january, january + MINUTE)]))
    assert other.read(None, "1m").height == 1
    assert filled.read("KRW-BTC", "1m").height == 4
    with pytest.raises(InputError):
        Lake(filled.root, source="../other")


def test_a_corrupt_file_spoils_its_series_and_no_other(filled):
    path = next(filled.root.glob("candles/**/series=KRW-BTC/2024-01.parquet"))
    path.write_bytes(b"rot")
    for ask in (filled.read, filled.scan, filled.covered, filled.coverage, filled.gaps):
        with pytest.raises(CorruptFile, match=r"KRW-BTC.*2024-01\.parquet"):
            ask("KRW-BTC", "1m")
    with pytest.warns(Incomplete, match=r"KRW-BTC 1m: .*2024-01\.parquet"):
        assert "KRW-BTC" not in filled.catalog().filter(timeframe="1m")["symbol"]
    assert "2024-01.parquet" in repr(filled)
    assert filled.read("KRW-ETH", "1m").height == 4
    assert path.read_bytes() == b"rot"


def test_folders_that_are_no_series_are_left_alone(filled):
    folder = next(filled.root.glob("candles/*/timeframe=1min"))
    (folder / "series=lower-case").mkdir()
    (folder / "notes").mkdir()
    (folder / "readme.txt").write_text("mine")
    assert filled.catalog().height == 2


def test_a_newer_lake_is_not_read(filled):
    (filled.root / "lake.json").write_text('{"format": 3}')
    for ask in (filled.read, filled.covered, filled.gaps):
        with pytest.raises(NewerFormat):
            ask("KRW-BTC", "1m")
    with pytest.raises(NewerFormat):
        filled.catalog()


def test_a_lake_without_its_mark_is_still_a_lake(filled, candles, january):
    (filled.root / "lake.json").unlink()
    assert filled.read("KRW-BTC", "1m").height == 4
    filled.append("KRW-BTC", "1m", candles([january]), Spans([(january, january + MINUTE)]))
    assert (filled.root / "lake.json").exists()


def test_what_the_index_says_is_what_the_files_say(filled):
    before = filled.catalog(), filled.coverage()
    for path in filled.root.glob("index.sqlite*"):
        path.unlink()
    again = Lake(filled.root)
    assert again.catalog().equals(before[0])
    assert again.coverage().equals(before[1])


def test_a_lake_that_goes_closes_its_index(filled):
    lake = Lake(filled.root)
    lake.catalog()
    close = lake.index._database.close
    assert close.alive
    del lake
    gc.collect()
    assert not close.alive


READ_ONLY = """
import os, sys
from marketkit.errors import NotWritable
from marketkit.coverage import Spans
from marketkit.data.lake import Lake

def use(root):
    lake = Lake(root)
    rows = lake.read(None, "1m")
    assert rows.height == 8, rows
    assert lake.coverage()["slots"].sum() and lake.catalog().height == 2
    lake.append("KRW-BTC", "1m", rows[:0], Spans([(0, 60_000)]))

use(sys.argv[1])  # imports all there is to import, for what follows may not read it
if os.geteuid() == 0:
    os.setuid(65534)
try:
    use(sys.argv[2])
except NotWritable as error:
    print(error)
"""


@pytest.mark.parametrize("with_index", [True, False])
def test_a_lake_that_may_only_be_read_is_read_and_refuses_writes(filled, with_index):
    if not hasattr(os, "geteuid"):
        pytest.skip("this system has no owners")
    for path in [] if with_index else list(filled.root.glob("index.sqlite*")):
        path.unlink()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with tempfile.TemporaryDirectory() as folder:  # pytest's own belong to its user alone
        root = shutil.copytree(filled.root, Path(folder) / "lake")
        paths = [Path(folder), root, *root.rglob("*")]
        for path in paths:
            path.chmod(0o555 if path.is_dir() else 0o444)
        command = [sys.executable, "-c", READ_ONLY, str(filled.root), str(root)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        for path in paths:
            path.chmod(0o755 if path.is_dir() else 0o644)
    assert done.returncode == 0, done.stderr
    assert "cannot be written" in done.stdout


@pytest.mark.parametrize(("market", "traded"), [("BTC", 43_198), ("DOGE", 42_989)])
def test_a_month_of_real_candles_comes_back_exactly(lake, shared, market, traded):
    path = shared / "realdata" / "azuremooni_krw" / f"{market}_KRW_1m.csv"
    september = (at("2025-09-01"), at("2025-10-01"))
    rows = (
        pl.read_csv(path)
        .with_columns(
            symbol=pl.lit(f"KRW-{market}"),
            time=pl.col("timestamp").str.to_datetime(time_unit="ms", time_zone="UTC"),
            value=pl.lit(None, pl.Float64),
        )
        .select(*ROW)
        .filter(pl.col("time").cast(pl.Int64).is_between(*september, closed="left"))
    )
    assert lake.append(f"KRW-{market}", "1m", rows, Spans([september])) == (traded, 0)
    assert lake.read(None, "1m").equals(rows)
    slots = dict(lake.coverage().group_by("state").agg(pl.col("slots").sum()).rows())
    assert slots.pop("traded") == traded
    assert sum(slots.values()) == 43_200 - traded
    assert lake.gaps().is_empty()


def test_odd_codes_go_through_all_that_a_lake_does(lake, candles, january):
    odd = ["KRW-A/..", "KRW-ABC", "KRW-BRK.B", "KRW-a b", "KRW-abc", "USDT-币安人生"]
    span = Spans([(january, january + 2 * MINUTE)])
    for volume in (1.0, 2.0):  # the second time is a revision, which has a log of its own
        for symbol in odd:
            rows = candles([january, january + MINUTE], symbol=symbol)
            rows = rows.with_columns(volume=pl.lit(volume))
            lake.append(symbol, "1m", rows, span, seen_at=january + 10 * MINUTE)
    lake.freeze("odd")
    for each in (lake, lake.as_of("odd")):
        assert each.read(odd, "1m")["symbol"].to_list() == sorted([*odd, *odd])
    assert lake.catalog()["symbol"].to_list() == odd
    assert lake.revisions()["symbol"].unique().sort().to_list() == odd
    assert lake.revisions("KRW-BRK.B", "1m").height == 2
    assert lake.verify("odd").is_empty()
    assert lake.audit().is_empty()
    (lake.root / "index.sqlite").unlink()  # the index can be made again of the files
    assert Lake(lake.root).catalog()["symbol"].to_list() == odd


def test_a_lake_that_nobody_holds_closes_its_files_at_once(filled):
    gc.collect()
    gc.disable()  # so that nothing but the last reference ends it
    try:
        lake = Lake(filled.root)
        lake.latest(count=5)
        lake.read(None, "1m")
        lake.trades.catalog()
        lake.quality()
        lake.audit()
        gone = weakref.ref(lake)
        del lake
        assert gone() is None
    finally:
        gc.enable()
