"""Requests that days, weeks and months of a session cost, on a real socket."""

from __future__ import annotations

import itertools

import polars as pl
import pytest

import marketkit as mk
from marketkit.timeframe import parse_time

OWN = ["09:00 Asia/Seoul", "00:00 Etc/UTC", "09:00 +09:00", "00:00Z", "08:00 Asia/Singapore"]
PRICES = ["open", "high", "low", "close"]


def requests(exchange) -> int:
    return exchange.stats()["groups"].get("candles", {"requests": 0})["requests"]


@pytest.mark.parametrize("source", ["auto", "exchange"])
@pytest.mark.parametrize("session", OWN)
def test_a_year_of_the_exchanges_own_days_takes_two_requests(provider, exchange, session, source):
    year = provider.get_candle("KRW-BTC", "1d", count=365, session=session, source=source)
    assert (requests(exchange), year.height) == (2, 365)
    exchange.reset_stats()
    assert provider.get_candle("KRW-BTC", "1d", count=365, source=source).equals(year)


@pytest.mark.parametrize(
    ("timeframe", "count"), [("1h", 100), ("4h", 100), ("1w", 60), ("1M", 20), ("1y", 3)]
)
def test_every_width_of_the_exchanges_own_day_is_native(provider, exchange, timeframe, count):
    told = provider.with_response.get_candle(
        "KRW-BTC", timeframe, count=count, session="09:00 Asia/Seoul"
    )
    assert requests(exchange) == 1
    assert (told.source, told.derived) == ({"KRW-BTC": "rest"}, {})
    own = provider.get_candle("KRW-BTC", timeframe, count=count, derive=False)
    assert own.equals(told.frame)


@pytest.mark.parametrize("source", ["auto", "exchange"])
@pytest.mark.parametrize(
    ("timeframe", "session", "count", "base", "most"),
    [
        ("1d", "00:00 Asia/Seoul", 30, "1h", 4),  # 31 days of hours
        ("1d", "13:00 Asia/Seoul", 60, "4h", 2),  # 61 days of four hours
        ("1d", "09:30 +09:00", 10, "30m", 3),
        ("1w", "13:00 Asia/Seoul", 30, "4h", 7),
        ("1w", "17:00 America/Phoenix", 50, "1d", 2),
        ("1h", "00:30 Asia/Seoul", 150, "30m", 2),
    ],
)
def test_other_sessions_fetch_one_slot_more_than_they_are_asked_for(
    provider, exchange, source, timeframe, session, count, base, most
):
    told = provider.with_response.get_candle(
        "KRW-BTC", timeframe, count=count, session=session, source=source
    )
    assert requests(exchange) <= most
    assert told.frame.height == count
    assert told.derived == {"KRW-BTC": base}


@pytest.mark.parametrize("source", ["auto", "exchange"])
def test_a_market_that_rests_for_days_gives_as_many_days_as_are_wanted(provider, exchange, source):
    asked = {"session": "05:30 Asia/Seoul", "source": source}
    days = provider.get_candle("KRW-MK031", "1d", count=12, **asked)
    opens = days["time"].cast(pl.Int64).to_list()
    assert len(opens) == 12
    start, end = opens[0], parse_time("2026-11-19T20:30")
    ranged = provider.get_candle(
        "KRW-MK031", "1d", start=days["time"][0], end="2026-11-19T20:30", **asked
    )
    assert ranged.equals(days)
    minutes = exchange.candles("KRW-MK031", "1m", start, end)
    for left, right in itertools.pairwise([*opens, end]):
        inside = minutes.filter(pl.col("time") >= left, pl.col("time") < right)
        own = days.filter(pl.col("time").cast(pl.Int64) == left).row(0, named=True)
        assert (own["high"], own["low"]) == (inside["high"].max(), inside["low"].min())


def test_the_lake_alone_counts_days_of_a_session_too(provider, exchange):
    asked = {"session": "00:00 Asia/Seoul"}
    days = provider.get_candle("KRW-BTC", "1d", count=20, **asked)
    exchange.reset_stats()
    # The newest day of the lake is not over; twenty that are lie before it.
    alone = provider.get_candle("KRW-BTC", "1d", count=19, **asked, source="lake")
    assert alone.equals(days.tail(19))
    assert requests(exchange) == 0


def test_a_count_older_than_the_listing_gives_the_days_there_are(provider):
    weeks = provider.get_candle("KRW-BTC", "1w", count=3_000, session="17:00 America/Phoenix")
    assert 0 < weeks.height < 3_000
    assert weeks["time"].diff().drop_nulls().n_unique() == 1


def test_months_of_a_session_are_there_to_the_last_hour_of_their_first_day(provider, exchange):
    """The month has begun in Seoul and not yet at the exchange."""
    exchange.set_clock(now="2026-10-31T16:30:00Z", speed=0)
    asked = {"session": "00:00 Asia/Seoul", "count": 2}
    closed = provider.get_candle("KRW-BTC", "1M", **asked)
    assert [each.isoformat()[:13] for each in closed["time"]] == ["2026-08-31T15", "2026-09-30T15"]
    forming = provider.get_candle("KRW-BTC", "1M", **asked, forming=True)
    assert forming["state"].to_list() == ["closed", "forming"]


def test_own_candles_of_another_session_are_refused_before_anything_is_sent(provider, exchange):
    with pytest.raises(mk.InputError, match="derive=False"):
        provider.get_candle("KRW-BTC", "1d", session="00:00 Asia/Seoul", derive=False)
    assert not any(group["requests"] for group in exchange.stats()["groups"].values())
