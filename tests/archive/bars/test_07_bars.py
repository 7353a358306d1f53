"""Bars of the exchange's trades and of recorded ones: the same as candles, or the answer says so."""

from __future__ import annotations

import warnings
from datetime import datetime

import polars as pl
import pytest

import marketkit as mk
from marketkit.coverage import Spans
from marketkit.schema import BAR
from marketkit.timeframe import DAY, HOUR, MINUTE, iso, parse_time

NOW = parse_time("2026-11-20T00:00:30")
NUMBERS = ["open", "high", "low", "close", "volume"]
HOURS = {"start": "2026-11-19T20:00", "end": "2026-11-20"}


@pytest.mark.parametrize("width", ["1s", "1m", "1h", "2h"])
def test_bars_of_a_width_are_the_exchanges_candles(provider, width):
    bars = provider.bars("KRW-BTC", width, **HOURS)
    candles = provider.get_candle("KRW-BTC", width, **HOURS)
    assert bars.height == candles.height > 0
    assert mk.compare_bars(bars, candles).is_empty()
    assert dict(bars.schema) == dict(BAR)


@pytest.mark.parametrize("session", ["09:00 Asia/Seoul", "00:00 Asia/Seoul", "09:30 +09:00"])
def test_days_of_a_session_are_those_of_candles(provider, session):
    asked = {"start": "2026-11-18", "session": session}
    bars = provider.bars("KRW-MK031", "1d", **asked)
    candles = provider.get_candle("KRW-MK031", "1d", **asked)
    assert bars.height == candles.height == 1 + (session == "09:00 Asia/Seoul")
    assert mk.compare_bars(bars, candles).is_empty()


@pytest.mark.parametrize(
    "kind",
    [
        {"kind": "1h"},
        {"tick": 40},
        {"volume": 20},
        {"value": 1e9},
        {"kind": "imbalance"},
        {"kind": "imbalance", "volume": 5.5},
    ],
)
def test_one_market_or_two_have_one_shape_and_the_same_bars(provider, kind):
    both = provider.bars(["KRW-ETH", "KRW-BTC"], **kind, **HOURS)
    apart = [provider.bars(name, **kind, **HOURS) for name in ("KRW-BTC", "KRW-ETH")]
    assert both.equals(pl.concat(apart))
    assert [dict(each.schema) for each in (*apart, both)] == [dict(BAR)] * 3
    assert provider.bars("KRW-BTC", "1h", start="2026-11-20").schema == both.schema  # no row


def test_amounts_are_reached_with_the_last_trade_of_a_bar_and_not_before(provider):
    trades = provider.get_trade("KRW-BTC", **HOURS)
    bars = provider.bars("KRW-BTC", volume=2.5, **HOURS)
    assert bars["volume"].min() >= 2.5
    assert trades["volume"].sum() - bars["volume"].sum() < 2.5
    counted = provider.bars("KRW-BTC", tick=7, **HOURS)
    assert counted["trades"].to_list() == [7] * (trades.height // 7)
    assert counted["open"].to_list() == trades["price"].gather_every(7).to_list()[: counted.height]
    imbalance = provider.bars("KRW-BTC", "imbalance", tick=5, **HOURS)
    assert imbalance["trades"].min() >= 5


def test_the_bar_that_is_not_finished_is_given_on_request_alone(provider):
    closed = provider.bars("KRW-BTC", "1h", start="-2h")
    assert closed["state"].to_list() == ["closed"]
    forming = provider.bars("KRW-BTC", "1h", start="-2h", forming=True)
    assert forming["state"].to_list() == ["closed", "forming"]
    trades = provider.get_trade("KRW-BTC", start="2026-11-20")
    assert forming.row(-1, named=True)["trades"] == trades.height > 0
    ticks = provider.bars("KRW-BTC", tick=1000, start="2026-11-20", forming=True)
    assert ticks.select("trades", "state").rows() == [(trades.height, "forming")]
    assert provider.bars("KRW-BTC", tick=1000, start="2026-11-20").is_empty()


@pytest.mark.parametrize("kind", [{"kind": "1h"}, {"tick": 40}, {"value": 1e8}])
def test_decimals_are_the_sums_of_the_exchanges_own_digits(provider, kind):
    bars = provider.bars("KRW-BTC", **kind, **HOURS, precision="decimal")
    trades = provider.get_trade("KRW-BTC", **HOURS, precision="decimal")
    assert dict(bars.schema) == dict(mk.schema.exact(BAR))
    inside = trades.head(bars["trades"].sum())
    assert bars["volume"].sum() == inside["volume"].sum()
    assert bars["high"].max() == inside["price"].max()
    floats = provider.bars("KRW-BTC", **kind, **HOURS)
    assert bars.cast(dict(BAR)).select(*NUMBERS, "time").equals(floats.select(*NUMBERS, "time"))


@pytest.mark.parametrize("fill", ["forward", "null"])
def test_decimals_fill_as_floats_do(provider, fill):
    asked = {"start": "2026-11-19T20:00", "end": "2026-11-19T21:00", "fill": fill}
    floats = provider.bars("KRW-MK031", "1m", **asked)
    bars = provider.bars("KRW-MK031", "1m", **asked, precision="decimal")
    assert dict(bars.schema) == dict(mk.schema.exact(BAR))
    assert {"closed", "empty"} == set(bars["state"])
    assert bars.cast(dict(BAR)).equals(floats)


@pytest.mark.parametrize("fill", ["forward", "null"])
def test_slots_without_a_trade_fill_as_those_of_candles(provider, fill):
    asked = {"start": "2026-11-19T20:00", "end": "2026-11-19T22:00", "fill": fill}
    bars = provider.bars("KRW-MK031", "1m", **asked)
    candles = provider.get_candle("KRW-MK031", "1m", **asked)
    assert bars["time"].equals(candles["time"])
    assert bars["state"].cast(pl.String).equals(candles["state"].cast(pl.String))
    assert {"closed", "empty"} == set(bars["state"])
    first = bars["state"].to_list().index("closed")  # what was before is nobody's trade here
    assert mk.compare_bars(bars, candles).is_empty()
    empty = pl.col("state").cast(pl.String) == "empty"
    filled = (rows[first:].filter(empty).select(NUMBERS) for rows in (bars, candles))
    assert next(filled).equals(next(filled), null_equal=True)


def test_every_form_of_a_frame_is_as_that_of_candles(provider):
    one = provider.bars("KRW-BTC", "1h", **HOURS, frame="pandas", tz="Asia/Seoul")
    assert (one.index.name, str(one.index.tz)) == ("time", "Asia/Seoul")
    assert one.attrs == {"symbol": "KRW-BTC", "state": "closed"}
    several = provider.bars(["KRW-BTC"], tick=500, **HOURS, frame="pandas")
    assert list(several.index.names) == ["symbol", "time"]
    assert provider.bars("KRW-BTC", "1h", **HOURS, frame="arrow").num_rows == 4
    candles = provider.get_candle("KRW-BTC", "1h", **HOURS, frame="pandas")
    assert mk.compare_bars(one, candles).is_empty()
    told = provider.with_response.bars("KRW-BTC", "1h", **HOURS)
    assert told.frame.height == 4


def test_a_candle_of_the_lake_that_is_another_is_told_with_a_warning(provider):
    start = parse_time("2026-11-19T20:00")
    candles = provider.get_candle("KRW-BTC", "1m", **HOURS)
    wrong = candles.drop("state").with_columns(
        high=pl.when(pl.col("time").dt.epoch("ms") == start + 5 * MINUTE)
        .then(pl.col("high") * 2)
        .otherwise("high")
    )
    gone = wrong.filter(pl.col("time").dt.epoch("ms") != start + 9 * MINUTE)
    hour = gone.filter(pl.col("time").dt.epoch("ms") < start + HOUR)
    provider.lake().append("KRW-BTC", "1m", hour, Spans([(start, start + HOUR)]))
    with pytest.warns(UserWarning, match="2 of 239 bars of KRW-BTC 1m differ.*20:05:00Z"):
        bars = provider.bars("KRW-BTC", "1m", **HOURS)
    known = bars.filter(pl.col("time") < bars["time"].max())
    told = mk.compare_bars(known, provider.lake().read("KRW-BTC", "1m", **HOURS))
    assert told.height == 1 + 5
    assert told["column"].to_list() == ["high", "open", "high", "low", "close", "volume"]
    assert told["candle"].null_count() == 5


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        ({}, "InputError", "bars of what"),
        ({"kind": "1m", "tick": 5}, "InputError", "of one kind"),
        ({"tick": 5, "volume": 5}, "InputError", "tick= and volume="),
        ({"kind": "imbalance", "tick": 5, "value": 2}, "InputError", "tick= and value="),
        ({"tick": 0}, "InputError", "above zero"),
        ({"tick": 1.5}, "InputError", "whole number"),
        ({"volume": float("nan")}, "InputError", "above zero"),
        ({"value": -1}, "InputError", "above zero"),
        ({"value": "1000"}, "InputError", "give a number"),
        ({"volume": True}, "InputError", "give a number"),
        ({"kind": "7m"}, "UnknownTimeframe", "7m"),
        ({"tick": 5, "session": "00:00 Asia/Seoul"}, "InputError", "bars of time"),
        ({"tick": 5, "fill": "null"}, "InputError", "bars of time"),
        ({"kind": "1m", "fill": "zero"}, "InputError", "fill='zero'"),
        ({"kind": "1m", "session": "00:00 Asia/Seoul"}, "InputError", "1h and wider"),
        ({"kind": "1m", "start": None}, "InvalidRange", "start="),
        ({"kind": "1m", "start": "2026-10-01"}, "InvalidRange", "keeps trades from"),
        ({"kind": "1m", "start": "2026-11-21"}, "InvalidRange", "lies ahead of"),
        ({"tick": 5, "start": "2026-11-21"}, "InvalidRange", "lies ahead of"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_line_that_names_it(provider, call, error, said):
    with pytest.raises(getattr(mk, error), match=said):
        provider.bars("KRW-BTC", **{"start": "-1h", **call})


def test_an_end_that_is_not_there_yet_is_now(provider):
    asked = {"start": "2026-11-19T23:00", "forming": True}
    ahead = provider.bars("KRW-BTC", "1m", **asked, end="2026-11-20T05:00")
    assert ahead.equals(provider.bars("KRW-BTC", "1m", **asked))
    assert provider.bars("KRW-BTC", "1d", start="2026-11-20T00:00:10").is_empty()


def test_a_market_that_is_none_fails_alone(provider):
    with pytest.raises(mk.UnknownSymbol):
        provider.bars("KRW-NONE", "1h", start="-2h")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kept = provider.bars(["KRW-BTC", "KRW-NONE"], "1h", start="-2h", on_error="skip")
    assert kept["symbol"].unique().to_list() == ["KRW-BTC"]


@pytest.mark.slow
def test_bars_of_a_month_of_three_markets_are_the_stored_candles(provider, exchange):
    """The exchange gives seven days: its clock is set on from week to week."""
    names = ["KRW-MK004", "BTC-NEAR", "USDT-WLD"]
    first = parse_time("2026-10-21")
    compared = 0
    for start in range(first, first + 30 * DAY, 6 * DAY):
        exchange.set_clock(now=iso(start + 6 * DAY + 30_000), speed=0)
        asked = {"start": datetime.fromisoformat(iso(start)), "end": iso(start + 6 * DAY)}
        with mk.SmartDataProvider(
            endpoint=exchange.endpoint,
            lake=provider.lake().root,
            limits={"crix-trades": (10, 0.01)},
        ) as one:
            for width in ("1m", "1h"):
                stored = one.get_candle(names, width, **asked)
                bars = one.bars(names, width, **asked)  # would warn of a difference
                assert mk.compare_bars(bars, stored).is_empty()
                compared += bars.height
    assert compared > 10_000
