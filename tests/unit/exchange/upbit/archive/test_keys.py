"""Keys of the archive are spelt and read back, and nothing else is taken for one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketkit.coverage import Span
from marketkit.errors import BadResponse, InputError
from marketkit.exchange.upbit.archive.keys import (
    CANDLE_HEADER,
    FIRST_CANDLE,
    INTERVALS,
    TRADE_HEADER,
    ArchiveFile,
    Shelf,
    checked_key,
    file_of,
)
from marketkit.timeframe import DAY, TIMEFRAMES, parse_time

FOLDER = "candle/KRW-BTC/daily/1m/2025"
MINUTES = Shelf("KRW-BTC", TIMEFRAMES["1m"])
SHELVES = [*(Shelf("KRW-BTC", TIMEFRAMES[name]) for name in INTERVALS), Shelf("BTC-ETH")]


def test_a_day_of_minutes_is_where_the_archive_has_it():
    file = ArchiveFile(MINUTES, "daily", parse_time("2025-01-02"))
    assert file.key == f"{FOLDER}/KRW-BTC_candle-1m_20250102.zip"
    assert file.member == "KRW-BTC_candle-1m_20250102.csv"
    assert file.header == CANDLE_HEADER
    assert file.period == file.span == Span(parse_time("2025-01-02"), parse_time("2025-01-03"))


def test_trades_have_no_folder_of_widths():
    file = ArchiveFile(Shelf("KRW-BTC"), "daily", parse_time("2025-01-02"))
    assert file.key == "trade/KRW-BTC/daily/2025/KRW-BTC_trade_20250102.zip"
    assert file.header == TRADE_HEADER


def test_the_widths_of_the_archive_have_its_words():
    words = [shelf.folder("monthly").rpartition("/")[2] for shelf in SHELVES[:-1]]
    assert words == [
        "1s",
        "1m",
        "3m",
        "5m",
        "10m",
        "15m",
        "30m",
        "60m",
        "240m",
        "day",
        "week",
        "month",
    ]
    with pytest.raises(InputError, match="no candles of 1y"):
        Shelf("KRW-BTC", TIMEFRAMES["1y"])


@pytest.mark.parametrize("shelf", SHELVES, ids=str)
@settings(max_examples=20)
@given(day=st.integers(17_500, 25_000), cut=st.sampled_from(["monthly", "daily"]))
def test_every_file_is_read_back_from_its_key(shelf, day, cut):
    is_week = shelf.timeframe is not None and shelf.timeframe.name == "1w"
    floor = TIMEFRAMES["1M" if cut == "monthly" else "1w" if is_week else "1d"].floor
    file = ArchiveFile(shelf, cut, floor(day * DAY))
    assert checked_key(file.key) == file.key
    assert file_of(file.key) == (file if shelf.has(cut) else None)


@pytest.mark.parametrize(
    "key",
    [
        f"{FOLDER}/KRW-BTC_candle-1m_20250102.zip.checksum",
        f"{FOLDER}/KRW-BTC_candle-1m_20240102.zip",
        f"{FOLDER}/KRW-BTC_candle-1m_202501.zip",
        f"{FOLDER}/KRW-BTC_candle-1m_20250230.zip",
        f"{FOLDER}/KRW-BTC_candle-3m_20250102.zip",
        f"{FOLDER}/KRW-ETH_candle-1m_20250102.zip",
        f"{FOLDER}/KRW-BTC_candle-1m_20250102.ZIP",
        f"{FOLDER}/KRW-BTC_candle-1m_2025010\uff12.zip",
        "candle/KRW-BTC/daily/7m/2025/KRW-BTC_candle-7m_20250102.zip",
        "candle/KRW-BTC/monthly/1m/2025/KRW-BTC_candle-1m_20250102.zip",
        "candle/KRW-BTC/daily/month/2025/KRW-BTC_candle-month_20250101.zip",
        "candle/KRW-BTC/daily/week/2025/KRW-BTC_candle-week_20250102.zip",
        "trade/KRW-BTC/daily/1m/2025/KRW-BTC_trade_20250102.zip",
        "trade/KRW-BTC/daily/2025/KRW-BTC_candle-1m_20250102.zip",
        "",
    ],
)
def test_what_is_no_such_zip_is_none(key):
    assert file_of(key) is None


def test_a_week_is_dated_by_its_monday_and_lasts_until_the_next():
    file = file_of("candle/KRW-BTC/daily/week/2024/KRW-BTC_candle-week_20241230.zip")
    assert file.span == Span(parse_time("2024-12-30"), parse_time("2025-01-06"))


def test_a_month_of_weeks_proves_no_week_that_another_month_shares():
    weeks = ArchiveFile(Shelf("KRW-BTC", TIMEFRAMES["1w"]), "monthly", parse_time("2025-01-01"))
    assert weeks.span == Span(parse_time("2025-01-06"), parse_time("2025-01-27"))


def test_the_first_month_proves_nothing_of_the_days_before_the_archive_begins():
    october = parse_time("2017-10-01")
    assert ArchiveFile(MINUTES, "monthly", october).span == Span(
        FIRST_CANDLE, parse_time("2017-11-01")
    )
    month = ArchiveFile(Shelf("KRW-BTC", TIMEFRAMES["1M"]), "monthly", october).span
    assert month.start == month.end
    assert ArchiveFile(MINUTES, "daily", parse_time("2017-10-23")).span.start == FIRST_CANDLE


@pytest.mark.parametrize(
    "key",
    ["../x", "/candle", "candle/", "a//b", "a/../b", "a..b", "a b", "a\\b", "a\n", "ä", "", 5, None,
     "a/.hidden", "x" * 600, "C:/x", "a/./b"],
)  # fmt: skip
def test_a_key_that_may_lead_out_of_the_archive_is_refused(key):
    with pytest.raises(BadResponse, match="lists the key"):
        checked_key(key)


def test_a_market_in_other_letters_is_in_no_archive():
    assert not Shelf("USDT-币安人生").can_be
    assert not Shelf("KRW-A/../B").can_be
    assert not Shelf("KRW-..").can_be
    assert Shelf("KRW-1INCH").can_be
