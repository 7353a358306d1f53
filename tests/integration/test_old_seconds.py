"""Seconds older than the exchange keeps are named, and never taken for slots without a trade."""

from __future__ import annotations

import logging

import polars as pl
import pytest

import marketkit as mk
from marketkit.coverage import Spans
from marketkit.timeframe import DAY, SECOND, iso, parse_time
from tests.integration.conftest import NOW
from tests.unit.data.lake.conftest import make_candles

KEPT = parse_time(NOW) - 90 * DAY  # the sandbox's three months
OLD = {"start": "2026-02-01", "end": "2026-02-01T00:01"}
EDGE = {"start": iso(KEPT - 300 * SECOND), "end": iso(KEPT + 300 * SECOND)}


def requests(exchange) -> int:
    return exchange.stats()["groups"].get("candles", {"requests": 0})["requests"]


@pytest.mark.parametrize("source", ["auto", "exchange"])
@pytest.mark.parametrize(
    ("asked", "part"),
    [
        (OLD, "2026-02-01T00:00:00Z to 2026-02-01T00:01:00Z"),
        ({"start": "2026-02-01"}, "2026-02-01T00:00:00Z to 2026-08-19T00:00:3.Z"),
        ({"count": 5, "end": OLD["end"]}, "2026-02-01T00:00:55Z to 2026-02-01T00:01:00Z"),
    ],
)
def test_seconds_that_are_surely_gone_are_refused_before_anything_is_sent(
    provider, exchange, source, asked, part
):
    with pytest.raises(mk.InvalidRange, match=f"three months: those from {part} can no longer"):
        provider.get_candle(["KRW-BTC", "KRW-ETH"], "1s", **asked, source=source)
    assert requests(exchange) == 0


@pytest.mark.parametrize("source", ["auto", "exchange"])
def test_where_the_exchange_has_no_more_seconds_the_part_that_is_lost_is_named(provider, source):
    with pytest.raises(mk.InvalidRange, match=f"from {EDGE['start']} to ") as told:
        provider.get_candle("KRW-BTC", "1s", **EDGE, source=source)
    first = str(told.value).partition(" to ")[2].partition(" can")[0]
    assert KEPT <= parse_time(first) < KEPT + 60 * SECOND
    rest = provider.get_candle("KRW-BTC", "1s", start=first, end=EDGE["end"], source=source)
    assert rest.height > 0


@pytest.mark.parametrize("source", ["auto", "exchange"])
def test_counting_back_to_where_there_are_no_more_names_what_is_lost(provider, source):
    count = {"count": 200, "end": iso(KEPT // SECOND * SECOND + 60 * SECOND)}
    with pytest.raises(mk.InvalidRange, match="three months"):
        provider.get_candle("KRW-BTC", "1s", **count, source=source)
    few = provider.get_candle("KRW-BTC", "1s", **count | {"count": 2}, source=source)
    assert few.height == 2
    assert provider.get_candle("KRW-BTC", "1s", count=200, source=source).height == 200


def test_seconds_of_the_lake_are_given_however_old_and_the_other_symbol_is_named(
    provider, exchange
):
    start, end = map(parse_time, OLD.values())
    rows = make_candles(range(start, end, SECOND))
    provider.lake().append("KRW-BTC", "1s", rows, Spans([(start, end)]))
    assert provider.get_candle("KRW-BTC", "1s", **OLD).height == 60
    with pytest.raises(mk.PartialResult, match="KRW-ETH") as told:
        provider.get_candle(["KRW-BTC", "KRW-ETH"], "1s", **OLD)
    assert told.value.frame.height == 60
    assert isinstance(told.value.failures["KRW-ETH"], mk.InvalidRange)
    assert requests(exchange) == 0


def test_a_symbol_that_fails_otherwise_keeps_its_own_error(provider, exchange):
    exchange.set_faults({"418": 1.0})
    with pytest.raises(mk.MarketkitError) as told:
        provider.get_candle("KRW-BTC", "1s", **EDGE, source="exchange")
    exchange.set_faults({})
    assert not isinstance(told.value, mk.InvalidRange)


def test_the_lake_does_not_claim_that_nothing_traded_before(provider):
    with pytest.raises(mk.InvalidRange):
        provider.get_candle("KRW-BTC", "1s", **EDGE)
    lake = provider.lake()
    states = lake.coverage("KRW-BTC", "1s", KEPT - 300 * SECOND, KEPT)["state"].to_list()
    assert states == ["unfetchable"]
    for fill in ("none", "forward"):
        with pytest.raises(mk.NotCovered):
            provider.get_candle("KRW-BTC", "1s", **EDGE, source="lake", fill=fill)
    with pytest.raises(mk.NotCovered):
        lake.scan("KRW-BTC", "1s", KEPT - 300 * SECOND, KEPT, fill="forward")
    minute = KEPT // 60_000 * 60_000
    wide = {"start": iso(minute - 300 * SECOND), "end": iso(minute), "source": "lake"}
    with pytest.raises(mk.NotCovered):
        provider.get_candle("KRW-BTC", "1m", **wide)


def test_a_loop_over_seconds_that_are_gone_is_refused_and_a_backfill_names_them(
    provider, exchange, caplog
):
    exchange.set_clock(now=NOW, speed=0)
    provider.exchange_time()
    with pytest.raises(mk.InvalidRange, match="three months"):
        next(iter(provider.iter_candle("KRW-BTC", "1s", **OLD, show=False)))
    plan = provider.plan("KRW-BTC", "1s", start="2026-02-01", end="2026-11-19").frame
    days = plan.select(pl.col("absent", "slots") / 86_400).row(0)
    assert sum(days) == 291
    assert 91 <= days[1] <= 93
    with caplog.at_level(logging.WARNING, "marketkit.jobs"):
        report = provider.backfill("KRW-BTC", "1s", **OLD, show=False).wait()
    assert (report.absent, report.traded, report.empty) == (60, 0, 0)
    assert "KRW-BTC: the exchange keeps 1s candles for three months" in caplog.text


def test_a_market_without_a_trade_for_a_while_has_lost_nothing(provider):
    young = {"start": iso(KEPT + DAY), "end": iso(KEPT + DAY + 30 * SECOND)}
    frame = provider.get_candle("KRW-MK031", "1s", **young)
    assert frame.height < 30
    assert provider.get_candle("KRW-MK031", "1s", **young, source="lake").equals(frame)
