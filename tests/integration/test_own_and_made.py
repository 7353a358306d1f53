"""Candles made of finer ones say so, and the exchange's own can be had instead."""

from __future__ import annotations

import polars as pl
import pytest

import marketkit as mk
from marketkit.coverage import Spans
from marketkit.timeframe import DAY, parse_time

DAYS = {"start": "2026-11-02", "end": "2026-11-09"}
START = parse_time(DAYS["start"])
SYMBOLS = ["KRW-BTC", "KRW-DOGE"]


def requests(exchange) -> int:
    return exchange.stats()["groups"].get("candles", {"requests": 0})["requests"]


@pytest.fixture
def hours(provider, exchange):
    """A provider whose lake has a week of hours of one market."""
    provider.backfill("KRW-BTC", "1h", **DAYS, show=False).wait()
    exchange.reset_stats()
    return provider


def test_a_day_made_of_hours_says_so_and_a_day_of_the_exchange_does_not(hours, exchange):
    told = hours.with_response.get_candle(SYMBOLS, "1d", **DAYS)
    assert told.source == {"KRW-BTC": "derived", "KRW-DOGE": "rest"}
    assert told.derived == {"KRW-BTC": "1h"}
    assert "1 made of finer candles" in repr(told)
    assert requests(exchange) == 1
    again = hours.with_response.get_candle(SYMBOLS, "1d", **DAYS)
    assert again.source == {"KRW-BTC": "derived", "KRW-DOGE": "lake"}
    alone = hours.with_response.get_candle(SYMBOLS, "1d", **DAYS, source="lake")
    assert (alone.source, alone.derived) == (again.source, again.derived)


def test_the_exchanges_own_days_are_fetched_once_and_then_preferred(hours, exchange):
    own = hours.with_response.get_candle("KRW-BTC", "1d", **DAYS, derive=False)
    assert (own.source, own.derived) == ({"KRW-BTC": "rest"}, {})
    assert requests(exchange) == 1
    truth = exchange.candles("KRW-BTC", "1d", START, START + 7 * DAY)
    assert own.frame["open"].to_list() == truth["open"].to_list()
    for more in ({}, {"derive": False}, {"derive": False, "source": "lake"}):
        told = hours.with_response.get_candle("KRW-BTC", "1d", **DAYS, **more)
        assert (told.source, told.derived) == ({"KRW-BTC": "lake"}, {})
        assert told.frame.equals(own.frame)
    assert requests(exchange) == 1


def test_the_lake_alone_has_no_own_days_of_its_hours(hours, exchange):
    with pytest.raises(mk.NotCovered, match="the lake has no 1d candles of KRW-BTC"):
        hours.get_candle("KRW-BTC", "1d", **DAYS, derive=False, source="lake")
    with pytest.raises(mk.UnknownSymbol):
        hours.get_candle("KRW-*", "1d", **DAYS, derive=False, source="lake")
    assert hours.get_candle("KRW-*", "1d", **DAYS, source="lake").height == 7
    assert requests(exchange) == 0


def test_an_answer_from_memory_still_says_what_it_was_made_of(provider):
    for source in ("rest", "memory"):
        told = provider.with_response.get_candle(
            "KRW-BTC", "1d", count=5, session="00:00 Asia/Seoul"
        )
        assert (told.source, told.derived) == ({"KRW-BTC": source}, {"KRW-BTC": "1h"})


def test_days_of_a_session_name_all_that_they_are_made_of(provider):
    provider.backfill("KRW-BTC", "5m", start="2026-10-10", end="2026-10-25", show=False).wait()
    asked = {"session": "00:00 Asia/Seoul", "start": "2026-10-11", "end": "2026-10-30"}
    told = provider.with_response.get_candle(SYMBOLS, "1d", **asked)
    assert told.source == {"KRW-BTC": "rest", "KRW-DOGE": "rest"}
    assert told.derived == {"KRW-BTC": "1h, 5m", "KRW-DOGE": "1h"}
    alone = provider.with_response.get_candle("KRW-BTC", "1d", **asked, source="lake")
    assert (alone.source, alone.derived) == ({"KRW-BTC": "derived"}, {"KRW-BTC": "1h, 5m"})


def test_days_that_open_elsewhere_than_their_first_hour_are_counted_by_the_audit(provider):
    year = {"start": "2026-05-01", "end": "2026-11-17"}
    provider.backfill("KRW-BTC", "1h", **year, show=False).wait()
    made = provider.get_candle("KRW-BTC", "1d", **year)
    own = provider.get_candle("KRW-BTC", "1d", **year, derive=False)
    assert made.select("time", "high", "low", "close").equals(
        own.select("time", "high", "low", "close")
    )
    known = provider.lake().read("KRW-BTC", "1h").group_by_dynamic("time", every="1d")
    hours = known.agg(pl.col("open").first().alias("first"), pl.len()).filter(pl.col("len") > 20)
    elsewhere = provider.lake().read("KRW-BTC", "1d").join(hours, on="time")
    other = elsewhere.filter(pl.col("open") != pl.col("first")).height
    findings = provider.lake().audit().rows(named=True)
    assert len(findings) == min(other, 1)
    for finding in findings:
        assert (finding["timeframe"], finding["finding"]) == ("1d", "differs")
        assert finding["detail"].startswith(f"{other} of ")
        assert "slots are not what 1h candles add up to (open)" in finding["detail"]
    assert provider.lake().repair().select("action").rows() == [("left",)] * len(findings)


def test_an_own_day_that_is_there_is_given_as_the_exchange_gave_it(hours):
    own = hours.get_candle("KRW-BTC", "1d", **DAYS, derive=False)
    moved = own.drop("state").with_columns(open="high").head(1)
    hours.lake().append("KRW-BTC", "1d", moved, Spans([(START, START + DAY)]))
    assert "differs" in hours.lake().audit()["finding"].to_list()
    given = hours.get_candle("KRW-BTC", "1d", **DAYS)
    assert given["open"].to_list() == [moved["open"][0], *own["open"][1:]]
