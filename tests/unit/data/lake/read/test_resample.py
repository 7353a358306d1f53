"""Candles of a session out of the exchange's own."""

from __future__ import annotations

import polars as pl

from marketkit.coverage import Spans
from marketkit.data.lake.read.candles import CandleResult
from marketkit.data.lake.read.fill import closed
from marketkit.data.lake.read.resample import fold
from marketkit.schema import CANDLE
from marketkit.timeframe import DAY, HOUR, parse_time
from marketkit.window import read_window
from tests.unit.data.lake.conftest import make_candles

START = parse_time("2024-01-01T15:00")  # midnight in Seoul
NOW = START + 3 * DAY + 6 * HOUR
SEOUL = "00:00 Asia/Seoul"


def hours(first: int, last: int, symbol: str = "KRW-BTC") -> pl.DataFrame:
    return closed(make_candles(range(START + first * HOUR, START + last * HOUR, HOUR), symbol))


def known(*spans: tuple[int, int]) -> Spans:
    return Spans((START + start * HOUR, START + end * HOUR) for start, end in spans)


def folded(candles: CandleResult, count: int | None = None, **asked):
    """Give `(symbol, day, volume, state)`."""
    start = asked.pop("start", None)
    window = read_window("1d", start, asked.pop("end", None), count, session=SEOUL, **asked)
    frame = fold(candles, window.narrow(NOW)).frame
    assert dict(frame.schema) == dict(CANDLE)
    day = (pl.col("time").cast(pl.Int64) - START) // DAY
    return frame.select("symbol", day, "volume", "state").rows()


def test_days_that_are_not_known_from_end_to_end_are_left_out():
    rows = pl.concat([hours(-5, 60), hours(0, 24, "KRW-ETH")])
    proved = {"KRW-BTC": known((-5, 60)), "KRW-ETH": known((0, 23))}
    assert folded(CandleResult(rows, {}, proved)) == [
        ("KRW-BTC", 0, 24.0, "closed"),
        ("KRW-BTC", 1, 24.0, "closed"),
    ]


def test_at_the_live_edge_what_is_not_final_yet_counts_as_far_as_it_happened():
    candles = CandleResult(hours(0, 78), {}, {"KRW-BTC": known((0, 70))}, NOW)
    assert folded(candles)[-1] == ("KRW-BTC", 2, 24.0, "closed")
    assert folded(candles, forming=True)[-1] == ("KRW-BTC", 3, 6.0, "forming")


def test_only_days_that_begin_in_the_range_are_given():
    candles = CandleResult(hours(0, 72), {}, {"KRW-BTC": known((0, 72))})
    days = folded(candles, start="2024-01-02T15:00", end="2024-01-03T15:00")
    assert days == [("KRW-BTC", 1, 24.0, "closed")]


def test_only_the_newest_days_that_are_wanted_are_given():
    candles = CandleResult(hours(0, 24 * 10), {}, {"KRW-BTC": known((0, 240))})
    assert folded(candles, 3) == [("KRW-BTC", day, 24.0, "closed") for day in (7, 8, 9)]
    short = CandleResult(hours(0, 50), {}, {"KRW-BTC": known((0, 50))})
    assert folded(short, 3) == [("KRW-BTC", day, 24.0, "closed") for day in (0, 1)]


def test_days_say_what_they_are_made_of():
    rows = pl.concat([hours(0, 48), hours(0, 48, "KRW-ETH")])
    proved = dict.fromkeys(("KRW-BTC", "KRW-ETH"), known((0, 48)))
    candles = CandleResult(rows, {}, proved, derived={"KRW-ETH": "1m"})
    narrow = read_window("1d", None, None, 2, session=SEOUL).narrow(NOW)
    assert fold(candles, narrow).derived == {"KRW-BTC": "1h", "KRW-ETH": "1h, 1m"}
    own = read_window("1d", None, None, 2).narrow(NOW)
    assert fold(candles, own).derived == {"KRW-ETH": "1m"}


def test_nothing_is_folded_into_nothing():
    assert folded(CandleResult(hours(0, 0), {})) == []
