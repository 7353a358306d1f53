"""Widths of a lake against each other, counted by day."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from marketkit.coverage import Span, Spans
from marketkit.data.lake.quality.identities import IDENTITIES, against_bars, identities
from marketkit.timeframe import DAY, HOUR, MINUTE, TIMEFRAMES, parse_time
from tests.unit.data.lake.conftest import make_candles

START = parse_time("2026-03-02")
SPAN = Span(START, START + 2 * DAY)


def append(lake, timeframe: str, width: int, **columns: object) -> None:
    lake.append("KRW-BTC", timeframe, make_candles(range(*SPAN, width), **columns), Spans([SPAN]))


def sums(width: int, of: int = MINUTE) -> dict[str, float]:
    return {"volume": width / of, "value": 100.0 * width / of}


@pytest.fixture
def whole(lake):
    """Two days of minutes, hours and days that add up."""
    for name, width in (("1m", MINUTE), ("1h", HOUR), ("1d", DAY)):
        append(lake, name, width, **sums(width))
    return lake


def look(lake, timeframe: str) -> pl.DataFrame:
    told, failures = identities(lake, "KRW-BTC", TIMEFRAMES[timeframe], SPAN)
    assert failures == {}
    assert told.schema == pl.Schema(IDENTITIES)
    return told.sort("date", "against")


@pytest.mark.parametrize(
    ("timeframe", "compared"),
    [("1m", {"1h": 24, "1d": 1}), ("1h", {"1m": 24, "1d": 1}), ("1d", {"1m": 1, "1h": 1})],
)
def test_each_width_is_compared_with_each_other_one(whole, timeframe, compared):
    told = look(whole, timeframe)
    for day in (date(2026, 3, 2), date(2026, 3, 3)):
        own = told.filter(date=day)
        assert dict(own.select("against", "compared").iter_rows()) == compared
    assert told["differing"].sum() == 0


def test_a_false_minute_is_counted_in_the_hour_and_the_day_and_by_number(whole):
    at = START + 90 * MINUTE
    spike = make_candles([at], high=100_000.0)
    whole.append("KRW-BTC", "1m", spike, Spans([(at, at + MINUTE)]))
    told = look(whole, "1m").filter(pl.col("differing") > 0)
    names = ("date", "against", "compared", "differing", "opens", "open", "high", "volume")
    assert told.select(names).rows() == [
        (date(2026, 3, 2), "1d", 1, 1, 0, 0, 1, 0),
        (date(2026, 3, 2), "1h", 24, 1, 0, 0, 1, 0),
    ]


def test_an_open_alone_that_differs_is_told_apart(lake):
    append(lake, "1h", HOUR, **sums(HOUR))
    append(lake, "1d", DAY, open=99.5, low=99.5, **sums(DAY))
    told = look(lake, "1d")
    assert told["opens"].to_list() == [0, 0]  # the low, too
    hours = make_candles(range(*SPAN, HOUR), low=99.0, **sums(HOUR))
    lake.append("KRW-BTC", "1h", hours, Spans([SPAN]))
    append(lake, "1d", DAY, open=99.5, low=99.0, **sums(DAY))
    told = look(lake, "1d")
    assert (told["differing"].to_list(), told["opens"].to_list()) == ([1, 1], [1, 1])


def test_what_nobody_knows_is_not_compared(lake):
    append(lake, "1d", DAY, **sums(DAY))
    half = (START, START + DAY // 2)
    minutes = make_candles(range(*half, MINUTE))
    lake.append("KRW-BTC", "1m", minutes, Spans([half]))
    told = look(lake, "1m")
    assert told.select("date", "compared", "differing").rows() == [(date(2026, 3, 2), 1, 0)]
    assert look(lake, "4h").is_empty()


def test_a_week_names_no_day(lake):
    append(lake, "1d", DAY, **sums(DAY))
    week = (START, START + 7 * DAY)
    lake.append("KRW-BTC", "1w", make_candles([START], volume=1.0), Spans([week]))
    assert look(lake, "1d").is_empty()
    assert look(lake, "1w").is_empty()


def test_a_series_beside_that_cannot_be_read_is_named(whole):
    for path in whole.root.rglob("*.parquet"):
        if "timeframe=1h" in str(path):
            path.write_bytes(b"not any more")
    told, failures = identities(whole, "KRW-BTC", TIMEFRAMES["1m"], SPAN)
    assert set(failures) == {"KRW-BTC 1h"}
    assert set(told["against"]) == {"1d"}


def test_bars_of_trades_are_compared_slot_by_slot_where_they_are_known():
    rows = make_candles(range(START, START + 10 * MINUTE, MINUTE))
    bars = rows.with_columns(
        state=pl.lit("closed"),
        volume=pl.when(pl.int_range(pl.len()) == 3).then(7.0).otherwise("volume"),
        value=pl.lit(1.0),
    ).head(6)
    rest = bars.tail(1).with_columns(pl.col("time").dt.offset_by("1m"), state=pl.lit("empty"))
    unknown = rest.with_columns(pl.col("time").dt.offset_by("1m"), state=pl.lit("unknown"))
    known = Spans([(START + MINUTE, START + 10 * MINUTE)])
    told = against_bars(rows, pl.concat([bars, rest, unknown]), TIMEFRAMES["1m"], known)
    names = ("compared", "differing", "volume", "value")
    assert told.select(names).rows() == [(6, 2, 2, 1)]
