"""Rows of the archive say what REST says, in the archive's spelling."""

from __future__ import annotations

from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketkit.sandbox.archive.rows import (
    CANDLE_HEADER,
    TRADE_HEADER,
    candle_rows,
    candle_texts,
    spelled,
    trade_rows,
)
from marketkit.sandbox.candle import Candle
from marketkit.sandbox.control import moment
from marketkit.sandbox.moment import trades_before
from marketkit.sandbox.spelling import fixed
from marketkit.sandbox.synthetic import seeded
from marketkit.sandbox.truth import closed_candles
from marketkit.sandbox.widths import DAY, WIDTHS

START = moment("2025-01-02")


def rows_of(content):
    head, *rows, end = content.decode("ascii").split("\n")
    assert end == ""
    return head, [row.split(",") for row in rows]


@pytest.mark.parametrize("symbol", ["KRW-BTC", "KRW-MK074", "BTC-MK258"])
def test_candles_are_those_of_rest_ascending_without_rows_where_nothing_traded(symbol):
    head, rows = rows_of(candle_rows(seeded(1)[symbol], WIDTHS["1m"], START, START + DAY))
    truth = closed_candles(
        seeded(1), symbol, "1m", start=START, end=START + DAY, now=START + 2 * DAY
    )
    assert head == CANDLE_HEADER
    times = pl.from_epoch(truth["time"], "ms").dt.to_string("%Y-%m-%dT%H:%M:%S")
    assert [row[0] for row in rows] == times.to_list()
    for place, name in enumerate(("open", "high", "low", "close", "value", "volume"), 1):
        assert [float(row[place]) for row in rows] == truth[name].to_list()


@given(st.floats(0, 2e12).map(lambda number: round(number, 8)) | st.floats(0, 1e-5).map(
    lambda number: round(number, 8)))  # fmt: skip
@settings(max_examples=60)
def test_numbers_are_spelled_as_java_prints_eight_decimals(number):
    text = pl.DataFrame({"x": [number]}).select(spelled("x"))["x"][0]
    assert float(text) == number
    units = round(Decimal(fixed(number)).scaleb(8))
    digits = str(units)
    if units >= 100:
        assert text == fixed(number)
    elif units >= 10:
        assert text == f"{digits[0]}.{digits[1]}E-7"
    else:
        assert text == f"{units}E-8"


def test_trades_are_those_that_happened_numbered_and_now_and_then_out_of_order():
    source = seeded(1)["KRW-BTC"]
    head, rows = rows_of(trade_rows(source, START, START + DAY))
    assert head == TRADE_HEADER
    trades = list(trades_before(source, START + DAY, START + DAY, START))[::-1]
    numbers = [int(row[0]) for row in rows]
    assert numbers != sorted(numbers)
    assert sorted(numbers) == list(range(len(trades)))
    for row in rows:
        trade = trades[int(row[0])]
        seen = (int(row[1]), float(row[2]), float(row[3]), row[4])
        assert seen == (trade.time, trade.volume, trade.price, trade.side)
    times = [int(row[1]) for row in sorted(rows, key=lambda row: (int(row[1]), int(row[0])))]
    assert times == [trade.time for trade in trades]


def test_trades_of_the_first_month_have_whole_seconds():
    start = moment("2022-05-03")
    _, rows = rows_of(trade_rows(seeded(1)["KRW-BTC"], start, start + DAY))
    assert all(int(row[1]) % 1000 == 0 for row in rows)


def test_a_time_without_candles_is_a_header_alone():
    content = candle_rows(seeded(1)["KRW-BTC"], WIDTHS["1m"], 0, DAY)
    assert content.decode() == f"{CANDLE_HEADER}\n"


@pytest.mark.parametrize("others", [(), (0.5,), (4e-8,), (1e16,), (0.0,)])
def test_columns_of_whole_numbers_are_spelled_as_all_others(others):
    numbers = [1.0, 999_999.0, 1e6, 139_394_000.0, 2.0**53 - 1, *others]
    candles = [Candle(at, *[each] * 6, last=at) for at, each in enumerate(numbers)]
    texts = candle_texts(candles)
    expected = pl.DataFrame({"close": numbers}).select(spelled("close"))["close"]
    for name in ("open", "close", "value", "volume"):
        assert texts[name].to_list() == expected.to_list()
