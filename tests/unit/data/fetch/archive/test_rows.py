"""Rows of the archive are read with every digit, in order, and of the period of the name alone."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketkit.data.fetch.archive import member
from marketkit.data.fetch.archive.rows import CANDLE, TRADE, read_candles, read_trades
from marketkit.errors import BadResponse
from marketkit.exchange.upbit.archive.keys import FIRST_CANDLE, ArchiveFile, Shelf
from marketkit.timeframe import DAY, TIMEFRAMES, iso, parse_time

MOST = 1 << 20
START = parse_time("2025-01-01")
FIRST = (
    "2025-01-01T00:00:00,139394000.00000000,139482000.00000000,139200000.00000000,"
    "139289000.00000000,1409688092.66641000,10.11999400"
)


def row(minute=0, price="1.00000000", volume="2.00000000", value="3.00000000", start=START):
    time = iso(start + 60_000 * minute).removesuffix("Z")
    return ",".join([time, *[price] * 4, value, volume])


def times(rows):
    return [(time - START) // 60_000 for time in rows["time"].cast(pl.Int64)]


def test_a_real_row_is_read_with_value_before_volume(day, zipped):
    rows = read_candles(zipped(day, FIRST), day, MOST)
    assert dict(rows.schema) == dict(CANDLE)
    assert rows.columns == list(CANDLE)
    numbers = (139394000.0, 139482000.0, 139200000.0, 139289000.0, 10.119994, 1409688092.66641)
    assert rows.row(0)[1:] == numbers
    assert times(rows) == [0]


def test_numbers_with_exponents_are_numbers(day, zipped):
    spelt = ["4E-8", "5.1E-7", "3.0E-7", "0.00000100"]
    rows = read_candles(zipped(day, *(row(n, price=s) for n, s in enumerate(spelt))), day, MOST)
    assert rows["close"].to_list() == [float(each) for each in spelt]
    assert read_candles(zipped(day, row(volume="0E-8")), day, MOST)["volume"].to_list() == [0.0]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 10**17), min_size=1, max_size=20))
def test_every_number_is_the_float_of_its_text(tmp_path_factory, units):
    texts = [f"{each // 10**8}.{each % 10**8:08}" for each in units]
    file = ArchiveFile(Shelf("KRW-BTC", TIMEFRAMES["1m"]), "daily", START)
    path = tmp_path_factory.mktemp("zips") / "file.zip"
    path.write_bytes(_packed(file, [row(n, value=text) for n, text in enumerate(texts)]))
    assert read_candles(path, file, MOST)["value"].to_list() == [float(each) for each in texts]


def _packed(file, rows):
    import io
    import zipfile

    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as zipped:
        zipped.writestr(file.member, "\n".join([file.header, *rows, ""]))
    return content.getvalue()


def test_a_file_with_the_header_alone_has_no_rows(day, zipped, trades):
    assert dict(read_candles(zipped(day), day, MOST).schema) == dict(CANDLE)
    assert dict(read_trades(zipped(trades), trades, MOST).schema) == dict(TRADE)


def test_many_blocks_are_one_frame(day, zipped, monkeypatch):
    monkeypatch.setattr(member, "BLOCK", 1000)
    rows = read_candles(zipped(day, *map(row, range(1440))), day, MOST)
    assert times(rows) == list(range(1440))


def test_rows_are_put_in_order_and_the_same_row_counts_once(day, zipped):
    path = zipped(day, row(2), row(0), row(2), row(1))
    assert times(read_candles(path, day, MOST)) == [0, 1, 2]


def test_two_different_candles_of_one_time_are_refused(day, zipped):
    with pytest.raises(BadResponse, match=r"two different candles of 2025-01-01T00:01:00Z"):
        read_candles(zipped(day, row(1), row(1, price="9.0")), day, MOST)


@pytest.mark.parametrize("minute", [-1, 1440])
def test_a_row_outside_of_the_period_is_refused(day, zipped, minute):
    with pytest.raises(BadResponse, match="outside of the period of its name"):
        read_candles(zipped(day, row(minute), row(5)), day, MOST)


@pytest.mark.parametrize(
    "line",
    [
        "2025-01-01T00:00:00,1,1,1,1,1",
        "2025-01-01T00:00:00,1,1,1,1,1,1,1",
        "2025-01-01T00:00:00,1,,1,1,1,1",
        "2025-01-01T00:00:00,1,x,1,1,1,1",
        '2025-01-01T00:00:00,"1",1,1,1,1,1',
        "yesterday,1,1,1,1,1,1",
        ",1,1,1,1,1,1",
        " ",
    ],
)
def test_a_line_that_is_no_row_is_refused_by_the_name_of_the_file(day, zipped, line):
    with pytest.raises(BadResponse, match="has lines that are no rows") as caught:
        read_candles(zipped(day, row(), line, row(2)), day, MOST)
    assert str(caught.value).startswith(day.key)
    assert "\n" not in str(caught.value)


def test_a_week_that_the_month_cuts_is_left_out(zipped):
    weeks = ArchiveFile(Shelf("KRW-BTC", TIMEFRAMES["1w"]), "monthly", START)
    monday = parse_time("2025-01-06")
    rows = [row(start=monday + 7 * DAY * n) for n in range(4)]
    found = read_candles(zipped(weeks, *rows), weeks, MOST)
    assert found.height == 3
    assert weeks.span == (monday, parse_time("2025-01-27"))


def test_rows_from_before_the_archive_begins_prove_nothing(zipped):
    month = ArchiveFile(Shelf("KRW-BTC", TIMEFRAMES["1m"]), "monthly", parse_time("2017-10-01"))
    path = zipped(month, row(start=FIRST_CANDLE - DAY), row(start=FIRST_CANDLE))
    found = read_candles(path, month, 1 << 30)
    assert found["time"].cast(pl.Int64).to_list() == [FIRST_CANDLE]


def test_trades_are_put_in_the_order_of_time_and_seq(trades, zipped):
    lines = [f"1,{START + 5},0.5,100.0,BID", f"0,{START},4E-8,100.0,ASK", f"2,{START + 5},1,2,ASK"]
    rows = read_trades(zipped(trades, *lines), trades, MOST)
    assert rows.columns == list(TRADE)
    assert rows["seq"].to_list() == [0, 1, 2]
    assert rows["side"].to_list() == ["ASK", "BID", "ASK"]
    assert rows["volume"].to_list() == [4e-8, 0.5, 1.0]


def test_a_side_in_small_letters_and_blanks_is_a_side(trades, zipped):
    rows = read_trades(zipped(trades, f"0,{START},1,1, bid "), trades, MOST)
    assert rows["side"].to_list() == ["BID"]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([f"0,{START},1,1,BUY"], "the side 'BUY'"),
        ([f"0,{START},1,1,BID", f"0,{START + 1},1,1,BID"], "two trades of the seq 0"),
        ([f"0,{START + DAY},1,1,BID"], "outside of the period"),
        ([f"0.5,{START},1,1,BID"], "no rows"),
        (["0,999999999999999999999,1,1,BID"], "no rows"),
        (["0,99999999999999999,1,1,BID"], "outside of the period"),
    ],
)
def test_wrong_trades_are_refused(trades, zipped, lines, said):
    with pytest.raises(BadResponse, match=said):
        read_trades(zipped(trades, *lines), trades, MOST)
