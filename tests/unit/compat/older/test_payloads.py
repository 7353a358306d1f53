"""Ranges are read as older programs give them, and payloads have the older order and shape."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import polars as pl
import pytest

from marketkit import schema
from marketkit.compat.older import payloads
from marketkit.compat.older.payloads import CandleRange, moment
from marketkit.errors import InvalidRange, UnknownTimeframe

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def candles(*closes, symbol="KRW-BTC", step=timedelta(days=1), **more):
    rows = [
        {
            "symbol": symbol,
            "time": NOON.replace(hour=0) + number * step,
            **dict.fromkeys(schema.NUMBERS, close),
            "state": "closed",
            **more,
        }
        for number, close in enumerate(closes)
    ]
    return pl.DataFrame(rows, schema=dict(schema.CANDLE))


@pytest.mark.parametrize(
    "given",
    [
        "2026-01-02T12:00:00",
        "2026-01-02T12:00:00Z",
        "2026-01-02T21:00:00+09:00",
        datetime(2026, 1, 2, 12),  # noqa: DTZ001
        datetime(2026, 1, 2, 21, tzinfo=timezone(timedelta(hours=9))),
    ],
)
def test_a_time_without_a_zone_is_in_utc(given):
    assert moment(given) == NOON


def test_a_day_begins_in_utc_and_no_time_is_none():
    assert moment(date(2026, 1, 2)) == datetime(2026, 1, 2, tzinfo=UTC)
    assert moment(None) is None
    with pytest.raises(InvalidRange, match="yesterday"):
        moment("yesterday")


def test_a_range_counts_back_from_its_end_unless_it_has_a_start():
    assert CandleRange("1m", None, None, None).arguments() == {"count": 200, "end": None}
    assert CandleRange("1m", 7, None, NOON).arguments() == {"count": 7, "end": NOON}
    assert CandleRange("1m", 7, NOON, None).arguments() == {"start": NOON, "end": None}


def test_of_days_one_more_is_asked_for_to_compare_the_first_with():
    assert CandleRange("1d", 7, None, None).arguments()["count"] == 8
    start = CandleRange("1d", None, NOON, None).arguments()["start"]
    assert start == NOON - timedelta(days=1)
    rows = CandleRange("1d", 2, None, None).newest_first("KRW-BTC", candles(1.0, 2.0, 4.0))
    assert [row["prev_closing_price"] for row in rows] == [2.0, 1.0]
    assert [row["change_rate"] for row in rows] == [1.0, 1.0]


def test_the_first_day_of_a_market_is_compared_with_nothing():
    rows = CandleRange("1d", 9, None, None).newest_first("KRW-BTC", candles(1.0, 2.0))
    assert "prev_closing_price" not in rows[-1]


def test_candles_come_newest_first_and_under_every_older_name():
    frame = candles(1.0, 2.0, 3.0, step=timedelta(minutes=1))
    rows = CandleRange("1m", 2, None, None).newest_first("KRW-BTC", frame)
    assert [row["trade_price"] for row in rows] == [3.0, 2.0]
    assert rows == rows["_list_data"] == rows["candles"]
    assert (rows["symbol"], rows["candle_type"], rows["count"]) == ("KRW-BTC", "1m", 2)


def test_with_a_start_and_a_count_the_newest_of_the_range_are_kept():
    frame = candles(1.0, 2.0, 3.0, step=timedelta(minutes=1))
    wanted = CandleRange("1m", 1, frame["time"][1], None)
    assert [row["trade_price"] for row in wanted.newest_first("KRW-BTC", frame)] == [3.0]


def test_many_symbols_have_a_list_each_and_an_empty_range_an_empty_list():
    wanted = CandleRange("1m", 5, None, None)
    minute = timedelta(minutes=1)
    frame = pl.concat([candles(1.0, step=minute), candles(2.0, symbol="KRW-ETH", step=minute)])
    found = wanted.newest_first(["KRW-ETH", "KRW-BTC"], frame)
    assert [row["market"] for row in found] == ["KRW-BTC", "KRW-ETH"]
    assert found["KRW-ETH"] == found["KRW-ETH"]["candles"] == [found[1]]
    assert wanted.newest_first("KRW-BTC", frame.clear()) == []


@pytest.mark.parametrize("count", [0, -1, "10"])
def test_no_candle_is_no_count(count):
    with pytest.raises(InvalidRange, match=f"count={count!r}"):
        CandleRange("1m", count, None, None).arguments()


def test_a_width_that_is_none_is_refused():
    with pytest.raises(UnknownTimeframe, match="2m"):
        CandleRange("2m", 1, None, None).arguments()


def test_continuous_candles_say_what_each_slot_is():
    frame = pl.concat(
        [
            candles(None, state="empty"),
            candles(1.5),
            candles(1.5, state="empty"),
            candles(2.0, state="forming"),
        ]
    ).with_columns(pl.col(schema.NUMBERS).cast(pl.Decimal(38, 8)))
    rows = payloads.continuous("1m", frame)
    told = [(row["is_empty"], row["collection_status"]) for row in rows]
    assert told == [(False, "COLLECTED"), (True, "EMPTY"), (False, "PENDING")]
    assert rows[0]["trade_price"] == Decimal("1.5")
    assert str(rows[0]["trade_price"]) == "1.5"
