"""Several widths in one answer."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from marketkit.api.query import CallOptions, Note, Query, Result
from marketkit.api.widths import joined, merged, session_for, widths_of
from marketkit.errors import ServerFailed, UnknownTimeframe
from marketkit.schema import CANDLE
from marketkit.timeframe import TIMEFRAMES
from marketkit.window import UTC_DAYS

START = datetime(2025, 9, 1, tzinfo=UTC)
HOUR, DAY = TIMEFRAMES["1h"], TIMEFRAMES["1d"]


def rows(*symbols, slots=2):
    numbers = dict.fromkeys(("open", "high", "low", "close", "volume", "value"), [1.0] * slots)
    times = [START + timedelta(hours=each) for each in range(slots)]
    return pl.concat(
        pl.DataFrame(
            {"symbol": [name] * slots, "time": times, **numbers, "state": ["closed"] * slots},
            dict(CANDLE),
        )
        for name in symbols
    )


@pytest.mark.parametrize(
    ("given", "names", "several"),
    [
        ("1m", ["1m"], False),
        (HOUR, ["1h"], False),
        (["1m"], ["1m"], True),
        (("1d", "60m", "1h"), ["1h", "1d"], True),
        (iter(["1M", "1m"]), ["1m", "1M"], True),
    ],
)
def test_widths_are_sorted_and_a_list_of_one_is_a_list(given, names, several):
    widths, is_several = widths_of(given)
    assert [each.name for each in widths] == names
    assert is_several is several


@pytest.mark.parametrize("bad", [[], ["1m", "1x"], [None], None, 60, {"day": 1}])
def test_what_is_no_width_is_refused(bad):
    with pytest.raises(UnknownTimeframe):
        widths_of(bad)


def test_below_an_hour_a_session_is_left_out_where_it_is_a_default_or_for_wider_ones():
    minute, seoul = TIMEFRAMES["1m"], "00:00 Asia/Seoul"
    assert session_for(DAY, [DAY], None, seoul) == seoul
    assert session_for(DAY, [DAY], UTC_DAYS, seoul) == UTC_DAYS
    assert session_for(minute, [minute], None, seoul) == UTC_DAYS
    assert session_for(minute, [minute, DAY], seoul, UTC_DAYS) == UTC_DAYS
    assert session_for(minute, [minute], seoul, UTC_DAYS) == seoul  # which is refused


def test_candles_are_sorted_by_symbol_width_and_time():
    found = merged(
        {
            "1d": Result(rows("KRW-BTC", "KRW-ETH"), {}, {}),
            "1h": Result(rows("KRW-BTC", "KRW-ETH"), {}, {}),
        }
    ).frame
    assert found.columns == ["symbol", "timeframe", *list(CANDLE)[1:]]
    assert found["timeframe"].to_list() == ["1h", "1h", "1d", "1d"] * 2
    assert found.equals(found.sort("symbol", "timeframe", "time"))


def test_of_a_symbol_the_exchange_and_the_oldest_answer_count_and_a_failure_before_both():
    failed = ServerFailed("down")
    found = merged(
        {
            "1h": Result(
                rows("KRW-A"), {("lake", 9): ["KRW-A", "KRW-B"], ("rest", 7): ["KRW-C"]}, {}
            ),
            "1d": Result(
                rows("KRW-A"), {("rest", 8): ["KRW-A"], ("lake", 6): ["KRW-C"]}, {"KRW-B": failed}
            ),
        }
    )
    assert found.sources == {("rest", 8): ["KRW-A"], ("rest", 6): ["KRW-C"]}
    assert found.failures == {"KRW-B": failed}


def test_remarks_and_what_candles_are_made_of_are_put_together():
    one = Result(rows("KRW-A"), {}, {}, derived={"KRW-A": "1m"}, notes={"KRW-A": Note("ended")})
    two = Result(
        rows("KRW-A"),
        {},
        {},
        derived={"KRW-A": "1h, 1m"},
        notes={"KRW-A": Note("short", lacking=True)},
    )
    found = merged({"1h": one, "1d": two})
    assert found.derived == {"KRW-A": "1m, 1h"}
    assert found.notes == {"KRW-A": Note("ended; short", lacking=True)}


@pytest.mark.parametrize("sends", [True, False])
def test_each_width_is_asked_for_or_recalled(sends):
    asked = []

    def query(name, kept):
        async def fetch():
            asked.append(name)
            return Result(rows("KRW-A"), {("rest", 1): ["KRW-A"]}, {})

        known = Result(rows("KRW-A"), {("memory", 2): ["KRW-A"]}, {}) if kept else None
        return Query("candle", "KRW-A", CallOptions(), fetch, lambda: known, sends)

    both = joined({"1h": query("1h", kept=True), "1d": query("1d", kept=False)})
    assert both.recall() is None
    result = asyncio.run(both.fetch())
    assert asked == ["1d"]
    assert result.frame.height == 4
    kept = joined({"1h": query("1h", kept=True), "1d": query("1d", kept=True)})
    assert kept.recall().sources == {("memory", 2): ["KRW-A"]}
