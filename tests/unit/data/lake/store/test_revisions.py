"""What changed is on record before it changes, and is read back as it was seen."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.store import place as writing
from marketkit.data.lake.store.merge import Revision
from marketkit.data.lake.store.revisions import (
    FINALITY,
    REVISION,
    add_history,
    log_path,
    news_of,
    read_log,
    record,
)
from marketkit.errors import CorruptFile, InputError, NewerFormat, NotWritable
from marketkit.timeframe import TIMEFRAMES

MINUTE = 60_000
SERIES = Series("upbit", "KRW-BTC", TIMEFRAMES["1m"])
ASKED = Spans([(0, 5 * MINUTE)])


class Killed(BaseException):
    """Stands for a process that ends here."""


@pytest.fixture
def log(lake):
    return log_path(lake.root, SERIES)


@pytest.fixture
def filled(lake, candles):
    """A lake with five minutes, of which the last is empty."""
    lake.append("KRW-BTC", "1m", candles(range(0, 4 * MINUTE, MINUTE)), ASKED)
    return lake


def changed(candles, volume):
    """The same five minutes, with another volume in the first."""
    rows = candles(range(0, 4 * MINUTE, MINUTE))
    first = pl.col("time").dt.epoch("ms") == 0
    return rows.with_columns(volume=pl.when(first).then(volume).otherwise("volume"))


def test_one_changed_number_is_one_row(filled, candles):
    written = filled.append("KRW-BTC", "1m", changed(candles, 2.0), ASKED, seen_at=90_000)
    assert written == (1, 1)
    assert dict(filled.revisions().schema) == dict(REVISION)
    moments = [datetime.fromtimestamp(each, UTC) for each in (0, 90)]
    assert filled.revisions().rows() == [
        ("KRW-BTC", "1m", moments[0], "volume", 1.0, 2.0, moments[1])
    ]


def test_nothing_changed_is_an_empty_frame_and_no_file(filled, candles, log):
    filled.append("KRW-BTC", "1m", changed(candles, 1.0), ASKED)
    assert filled.revisions().is_empty()
    assert filled.finality().is_empty()
    assert dict(filled.finality().schema) == dict(FINALITY)
    assert not log.exists()


def test_a_lake_that_is_not_there_has_no_revisions(lake):
    assert lake.revisions().is_empty()
    assert not lake.root.exists()


def test_a_candle_that_comes_and_one_that_goes_are_on_record(filled, candles):
    rows = candles(range(MINUTE, 5 * MINUTE, MINUTE))
    assert filled.append("KRW-BTC", "1m", rows, ASKED) == (1, 12)
    assert filled.read("KRW-BTC", "1m").equals(rows)
    assert filled.covered("KRW-BTC", "1m") == ASKED
    seen = filled.revisions().filter(pl.col("column") == "close")
    minutes = seen["time"].dt.epoch("s") // 60
    assert list(zip(minutes, seen["old"], seen["new"], strict=True)) == [
        (0, 100.0, None),
        (4, None, 100.0),
    ]


def test_without_a_moment_it_is_now(filled, candles):
    before = datetime.now(UTC)
    filled.append("KRW-BTC", "1m", changed(candles, 2.0), ASKED)
    seen = filled.revisions()["seen_at"][0]
    assert before - timedelta(milliseconds=1) <= seen <= datetime.now(UTC)


def test_the_series_are_chosen_by_symbol_and_timeframe(lake, candles):
    for symbol in ("KRW-ETH", "KRW-BTC"):
        for timeframe in ("1m", "3m"):
            for volume in (1.0, 2.0):
                rows = candles([0], symbol=symbol, volume=volume)
                lake.append(symbol, timeframe, rows, Spans([(0, 3 * MINUTE)]))

    def found(*wanted):
        return list(lake.revisions(*wanted).select("symbol", "timeframe").rows())

    everything = [(s, t) for s in ("KRW-BTC", "KRW-ETH") for t in ("1m", "3m")]
    assert found() == everything
    assert found("KRW-ETH") == everything[2:]
    assert found(["KRW-BTC"], "3m") == [("KRW-BTC", "3m")]
    assert found("KRW-XRP") == []
    assert Lake(lake.root, source="other").revisions().is_empty()
    with pytest.raises(InputError, match="symbol"):
        lake.revisions("../..")


def test_the_log_is_on_disk_before_the_candles_change(filled, candles, log, monkeypatch):
    seen = []

    def write(*given):
        seen.append(log.read_text().count("\n"))
        return real(*given)

    real = writing.write_chunk
    monkeypatch.setattr(writing, "write_chunk", write)
    filled.append("KRW-BTC", "1m", changed(candles, 2.0), ASKED)
    assert seen == [1]


def test_what_a_dead_writer_recorded_and_did_not_do_counts_once(filled, candles, monkeypatch):
    def die(*_given):
        raise Killed

    for moment in (10, 20):
        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", die)
            with pytest.raises(Killed):
                filled.append("KRW-BTC", "1m", changed(candles, 2.0), ASKED, seen_at=moment)
        assert filled.read("KRW-BTC", "1m")["volume"][0] == 1.0
    assert filled.append("KRW-BTC", "1m", changed(candles, 2.0), ASKED, seen_at=30) == (1, 1)
    assert filled.revisions()["seen_at"].dt.epoch("ms").to_list() == [10]


def test_a_number_that_changes_back_and_forth_is_seen_each_time(filled, candles):
    for moment, volume in enumerate([2.0, 1.0, 2.0, 1.0]):
        filled.append("KRW-BTC", "1m", changed(candles, volume), ASKED, seen_at=moment)
    assert filled.revisions()["new"].to_list() == [2.0, 1.0, 2.0, 1.0]


@pytest.mark.parametrize("left", [b'{"symbol": "KRW-BTC", "ti', b"\0" * 9, b'{"time": 1}'])
def test_half_a_line_at_the_end_is_passed_over_and_cut_off(filled, candles, log, left):
    filled.append("KRW-BTC", "1m", changed(candles, 2.0), ASKED)
    with log.open("ab") as file:
        file.write(left)
    assert filled.revisions().height == 1
    filled.append("KRW-BTC", "1m", changed(candles, 3.0), ASKED)
    assert filled.revisions()["new"].to_list() == [2.0, 3.0]
    assert [json.loads(line)["new"] for line in log.read_text().splitlines()] == [2.0, 3.0]


def test_a_log_of_nothing_but_half_a_line_begins_anew(lake, log):
    log.parent.mkdir(parents=True)
    log.write_bytes(b'{"symbol"')
    record(lake.root, SERIES, [Revision(0, "close", 1.0, 2.0)], 7)
    assert read_log(lake.root, SERIES) == [(Revision(0, "close", 1.0, 2.0), 7)]


@pytest.mark.parametrize("line", ["rot", "{}", '{"time":1,"column":"id","old":1,"new":2}', "[]"])
def test_a_whole_line_that_is_no_revision_is_told_of(filled, candles, log, line):
    filled.append("KRW-BTC", "1m", changed(candles, 2.0), ASKED)
    log.write_text(f"{line}\n{log.read_text()}")
    with pytest.raises(CorruptFile, match=r"KRW-BTC\.ndjson, line 1"):
        filled.revisions()


def test_the_lines_say_all_that_another_program_needs(filled, candles, log):
    filled.append("KRW-BTC", "1m", changed(candles, 2.0), ASKED, seen_at=9)
    expected = {"symbol": "KRW-BTC", "time": 0, "column": "volume", "old": 1.0, "new": 2.0}
    assert json.loads(log.read_text()) == {**expected, "seen_at": 9}
    assert log == filled.root / "revisions/source=upbit/timeframe=1min/KRW-BTC.ndjson"


numbers = st.none() | st.floats(allow_nan=False, allow_infinity=False)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(numbers, numbers), max_size=5))
def test_numbers_come_back_to_the_last_bit(tmp_path_factory, pairs):
    root = tmp_path_factory.mktemp("log")
    said = [Revision(time, "open", *pair) for time, pair in enumerate(pairs)]
    record(root, SERIES, said, 5)
    assert read_log(root, SERIES) == [(each, 5) for each in said]


def test_a_full_disk_changes_no_candle(filled, candles, monkeypatch):
    before = filled.read("KRW-BTC", "1m")

    def full(*_given):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(NotWritable, match="No space"):
            filled.append("KRW-BTC", "1m", changed(candles, 2.0), ASKED)
    assert filled.read("KRW-BTC", "1m").equals(before)
    assert filled.append("KRW-BTC", "1m", changed(candles, 2.0), ASKED) == (1, 1)
    assert filled.revisions().height == 1


def test_a_newer_lake_is_not_read(filled):
    (filled.root / "lake.json").write_text('{"format": 3}')
    for ask in (filled.revisions, filled.finality):
        with pytest.raises(NewerFormat):
            ask()


def test_finality_counts_each_candle_once_by_its_last_change(lake, candles):
    asked = Spans([(0, 3 * MINUTE)])
    for seen, volumes in [(0, [1, 1, 1]), (240, [2, 1, 1]), (300, [2, 2, 1]), (420, [3, 2, 1])]:
        pages = [candles([n * MINUTE], volume=float(volume)) for n, volume in enumerate(volumes)]
        lake.append("KRW-BTC", "1m", pl.concat(pages), asked, seen_at=seen * 1000)
    # The first closed at 60 s and last changed at 420 s, the second at 120 s and 300 s.
    assert lake.finality().rows() == [
        ("KRW-BTC", "1m", 2, timedelta(seconds=270), timedelta(seconds=360))
    ]
    assert lake.finality(timeframe="1h").is_empty()


def test_the_close_of_a_month_is_its_own(lake, candles):
    month = TIMEFRAMES["1M"]
    asked = Spans([(0, month.next(0))])
    for seen, volume in [(0, 1.0), (month.next(0) + 1, 2.0)]:
        lake.append("KRW-BTC", "1M", candles([0], volume=volume), asked, seen_at=seen)
    assert lake.finality()["max"].to_list() == [timedelta(milliseconds=1)]


def test_the_history_of_another_lake_stands_between_the_own_lines(lake, tmp_path):
    first, second, third = (Revision(0, "volume", was, was + 1) for was in (1.0, 2.0, 3.0))
    record(lake.root, SERIES, [first], 10)
    record(lake.root, SERIES, [third], 30)
    other = tmp_path / "other"
    record(other, SERIES, [first], 10)
    record(other, SERIES, [second], 20)
    news = news_of(lake.root, other, SERIES)
    assert news == [(second, 20)]
    add_history(lake.root, SERIES, news)
    assert read_log(lake.root, SERIES) == [(first, 10), (second, 20), (third, 30)]
    assert news_of(lake.root, other, SERIES) == []
    before = log_path(lake.root, SERIES).stat().st_ino
    add_history(lake.root, SERIES, news)  # nothing new: no byte is written
    assert log_path(lake.root, SERIES).stat().st_ino == before
    add_history(tmp_path / "new", SERIES, news)
    assert read_log(tmp_path / "new", SERIES) == news


def test_a_broken_log_takes_no_history(lake, log):
    record(lake.root, SERIES, [Revision(0, "volume", 1.0, 2.0)], 10)
    log.write_bytes(b"no revision\n")
    with pytest.raises(CorruptFile, match="line 1"):
        add_history(lake.root, SERIES, [(Revision(0, "volume", 2.0, 3.0), 20)])
    assert log.read_bytes() == b"no revision\n"
