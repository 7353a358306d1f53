"""Many files as one frame."""

from __future__ import annotations

import os
import resource
import threading

import polars as pl
import pytest

from marketkit.coverage import Span, Spans
from marketkit.data.lake.store import scan as reading
from marketkit.data.lake.store.scan import Files, read, read_times, scan
from marketkit.errors import CorruptFile, LakeError
from marketkit.schema import ROW, empty
from tests.opened import count_open

MINUTE = 60_000


@pytest.fixture
def paths(tmp_path, candles):
    """Three files of ten minutes each."""
    for each in range(3):
        times = range(each * 10 * MINUTE, (each + 1) * 10 * MINUTE, MINUTE)
        candles(times).write_parquet(tmp_path / f"{each}.parquet")
    return sorted(tmp_path.iterdir())


def test_rows_come_in_the_order_of_the_files(paths, candles):
    assert read(Files(paths, None)).equals(candles(range(0, 30 * MINUTE, MINUTE)))
    assert read_times(Files(paths, None)).to_list() == read(Files(paths, None))["time"].to_list()


def test_a_window_keeps_its_start_and_not_its_end(paths, candles):
    window = Span(5 * MINUTE, 25 * MINUTE)
    assert read(Files(paths, window)).equals(candles(range(*window, MINUTE)))


def test_a_symbol_that_is_known_need_not_be_read(paths, candles):
    rows = candles(range(0, 30 * MINUTE, MINUTE))
    assert read(Files(paths, None, rows["symbol"][0])).equals(rows)
    assert read(Files([], None, "KRW-BTC")).equals(empty(ROW))


def test_no_files_are_no_rows_of_the_right_kind():
    assert read(Files([], None)).equals(empty(ROW))
    assert scan(Files([], None)).collect_schema() == pl.Schema(ROW)


def test_reading_leaves_no_file_open(paths):
    read(Files(paths, None))
    assert count_open(paths) == 0


def test_a_scan_holds_its_files_only_as_long_as_it_lives(paths):
    frame = scan(Files(paths, None))
    assert count_open(paths) == len(paths)
    derived = frame.select("time")
    del frame
    assert derived.collect().height == 30
    del derived
    assert count_open(paths) == 0


def test_a_scan_that_cannot_open_a_file_closes_the_others(paths):
    with pytest.raises(CorruptFile, match="gone"):
        scan(Files([*paths, paths[0].with_name("gone.parquet")], None))
    assert count_open(paths) == 0


def test_a_scan_sees_the_files_as_they_were_when_it_was_made(paths, candles):
    frame = scan(Files(paths, None))
    before = frame.collect()
    for path in paths:
        candles([0], close=7.0).write_parquet(path.with_suffix(".new"))
        os.replace(path.with_suffix(".new"), path)  # noqa: PTH105
    assert frame.collect().equals(before)
    assert read(Files(paths, None))["close"].to_list() == [7.0] * 3


def test_threads_may_collect_one_scan_at_once(paths):
    frame = scan(Files(paths, None))
    expected = frame.collect()
    wrong = []

    def collect():
        wrong.extend(each for each in range(20) if not frame.collect().equals(expected))

    threads = [threading.Thread(target=collect) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_the_file_that_cannot_be_read_is_named(paths):
    content = bytearray(paths[1].read_bytes())
    content[4:200] = bytes(196)
    paths[1].write_bytes(content)
    with pytest.raises(CorruptFile, match=r"1\.parquet"):
        read(Files(paths, None))


def test_the_limit_of_open_files_is_raised_as_far_as_needed(monkeypatch, paths):
    raised = []
    monkeypatch.setattr(resource, "getrlimit", lambda _which: (100, 5000))
    monkeypatch.setattr(resource, "setrlimit", lambda _which, limits: raised.append(limits))
    reading.allow_open(2000)
    assert raised == [(2256, 5000)]


def test_more_files_than_a_process_may_usually_open_are_read(paths):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (300, hard))
    try:
        assert read(Files(paths * 200, None)).height == 200 * 30
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_more_files_than_the_system_allows_are_refused_with_a_way_out(monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda _which: (100, 1000))
    with pytest.raises(LakeError, match="fewer symbols"):
        reading.allow_open(2000)


def test_a_part_of_few_whole_files_is_cut_by_counting_rows(lake, candles, monkeypatch):
    monkeypatch.setenv("MARKETKIT_TIER", "off")
    january, minutes = 1_704_067_200_000, 44_640 + 30
    end = january + minutes * MINUTE
    lake.append("KRW-BTC", "1m", candles(range(january, end, MINUTE)), Spans([(january, end)]))
    everything = lake.read("KRW-BTC", "1m")
    for start, stop in [(5, 9), (0, 44_641), (44_639, 44_645), (-9, 1), (44_600, 99_999), (7, 7)]:
        window = Span(january + start * MINUTE - 1, january + stop * MINUTE - 1)
        files = lake.select("KRW-BTC", "1m").files(window)
        assert files.cuts
        expected = everything.filter(
            pl.col("time").dt.epoch("ms").is_between(*window, closed="left")
        )
        assert read(files).equals(expected)
        assert scan(files).collect().equals(expected)


def test_a_file_with_holes_or_of_another_version_is_cut_by_its_times(lake, candles, monkeypatch):
    monkeypatch.setenv("MARKETKIT_TIER", "off")
    january = 1_704_067_200_000
    span = Spans([(january, january + 10 * MINUTE)])
    lake.append("KRW-BTC", "1m", candles(range(january, january + 10 * MINUTE, MINUTE)), span)
    window = Span(january + 4 * MINUTE, january + 8 * MINUTE)
    before = lake.select("KRW-BTC", "1m").files(window)
    lake.append("KRW-BTC", "1m", candles(range(january, january + 10 * MINUTE, 2 * MINUTE)), span)
    times = [january + 4 * MINUTE, january + 6 * MINUTE]
    assert read(before)["time"].dt.epoch("ms").to_list() == times
    after = lake.select("KRW-BTC", "1m").files(window)
    assert not after.cuts
    assert read(after)["time"].dt.epoch("ms").to_list() == times
