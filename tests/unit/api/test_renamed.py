"""A market under all codes that it had is one series, and no code's trouble is another's."""

from __future__ import annotations

import json
import warnings

import polars as pl
import pytest

from marketkit.coverage import Spans
from marketkit.data.lake.read.renamed import RENAMED
from marketkit.errors import InputError, NotCovered, PartialResult, UnknownSymbol
from marketkit.schema import exact
from marketkit.timeframe import HOUR, MINUTE, iso, parse_time
from tests.unit.api.conftest import LISTED, market_list
from tests.unit.data.lake.conftest import make_candles

OLD, NEW = "KRW-OLD", "KRW-ETH"
RENAME = {OLD: NEW}
START = parse_time("2026-11-16")
CHANGE = START + HOUR
RANGE = {"start": "2026-11-16", "end": "2026-11-16T02:00"}


def candles(params):
    """Give the candles of the second hour: the exchange has none before the change."""
    end = min(parse_time(params["to"]) if "to" in params else CHANGE + HOUR, CHANGE + HOUR)
    times = list(range(CHANGE, end, MINUTE))[-int(params["count"]) :]
    return row_bodies(params["market"], reversed(times))


def row_bodies(symbol, times):
    """Write candles of some times as the exchange does."""
    return json.dumps(
        [
            {
                "market": symbol,
                "candle_date_time_utc": iso(at).removesuffix("Z"),
                "candle_date_time_kst": iso(at + 9 * HOUR).removesuffix("Z"),
                **dict.fromkeys(("opening_price", "high_price", "low_price", "trade_price"), 7.0),
                "timestamp": at,
                "candle_acc_trade_price": 7.0,
                "candle_acc_trade_volume": 1.0,
                "unit": 1,
            }
            for at in times
        ]
    ).encode()


def keep(provider, symbol, first, last):
    """Put candles of minutes `first` to `last` into the lake."""
    edges = (START + first * MINUTE, START + last * MINUTE)
    rows = make_candles(range(*edges, MINUTE), symbol)
    provider.lake().append(symbol, "1m", rows, Spans([edges]))


@pytest.fixture
def kept(provider, exchange):
    """A provider with the hour of the old code; the exchange has the hour of the new one."""
    exchange.bodies["/candles/minutes/1"] = candles
    keep(provider, OLD, 0, 60)
    return provider


@pytest.mark.parametrize("source", ["auto", "exchange"])
@pytest.mark.parametrize("asked", [NEW, OLD, [OLD, NEW]])
def test_both_codes_are_one_series_without_a_word(kept, exchange, source, asked):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = kept.get_candle(asked, "1m", **RANGE, source=source, rename=RENAME)
    assert found.schema == pl.Schema(RENAMED)
    assert found["symbol"].unique().to_list() == [NEW]
    assert found["listed_as"].rle().struct.unnest().rows() == [(60, OLD), (60, NEW)]
    assert found["time"].is_sorted()
    assert {params.get("market") for path, params in exchange.asked if "candles" in path} == {NEW}


def test_the_lake_alone_gives_the_same_and_is_as_strict_as_ever(kept):
    both = kept.get_candle(NEW, "1m", **RANGE, rename=RENAME)
    assert kept.get_candle(NEW, "1m", **RANGE, rename=RENAME, source="lake").equals(both)
    assert kept.get_candle(NEW, "1m", rename=RENAME, source="lake").height == 120
    with pytest.raises(NotCovered, match="KRW-ETH or KRW-OLD"):
        kept.get_candle(NEW, "1m", start="2026-11-15", source="lake", rename=RENAME)
    assert kept.get_candle("KRW-E*", "1m", **RANGE, rename=RENAME, source="lake").equals(both)
    kept.lake().freeze("then")
    assert kept.get_candle(NEW, "1m", **RANGE, rename=RENAME, as_of="then").equals(both)
    with pytest.raises(NotCovered, match="no 1m candles of KRW-XRP"):
        kept.get_candle("KRW-XRP", "1m", **RANGE, rename=RENAME, source="lake")


def test_the_newest_are_counted_over_both_codes(kept):
    end = {"end": "2026-11-16T02:00"}
    for count, codes in ((60, [NEW]), (90, [NEW, OLD])):
        found = kept.get_candle(NEW, "1m", **end, count=count, rename=RENAME)
        assert found.height == count
        assert sorted(set(found["listed_as"])) == codes


def test_wide_filled_and_exact_candles_keep_the_shape(kept):
    first = RANGE | {"end": "2026-11-16T01:00"}
    hours = kept.get_candle(NEW, "1h", **first, rename=RENAME, source="lake", fill="forward")
    assert hours["listed_as"].to_list() == [OLD]
    found = kept.get_candle(NEW, "1m", **RANGE, rename=RENAME, precision="decimal")
    assert found.schema == pl.Schema(exact(RENAMED))
    pandas = kept.get_candle(NEW, "1m", **RANGE, rename=RENAME, frame="pandas")
    assert pandas["listed_as"].iloc[0] == OLD
    assert kept.get_candle("KRW-BTC", "1m", **RANGE, rename={}).columns == list(RENAMED)


def test_slots_of_both_codes_are_the_newer_codes_and_that_is_said(kept):
    keep(kept, OLD, 60, 90)
    with pytest.warns(UserWarning, match="KRW-ETH and KRW-OLD both have 30 slots of 1m from"):
        found = kept.get_candle(NEW, "1m", **RANGE, rename=RENAME)
    assert found["listed_as"].rle().struct.unnest().rows() == [(60, OLD), (60, NEW)]
    assert set(found.filter(listed_as=NEW)["close"]) == {7.0}
    answer = kept.with_response.get_candle(NEW, "1m", **RANGE, rename=RENAME)
    assert "both have 30 slots" in answer.notes[NEW]


def test_what_neither_code_has_is_named(kept):
    with pytest.warns(UserWarning, match="no proof from 2026-11-15T23:00:00Z to 2026-11-16T00:00"):
        found = kept.get_candle(
            NEW, "1m", start="2026-11-15T23:00", end="2026-11-16T02:00", rename=RENAME
        )
    assert found.height == 120


def test_an_old_code_that_nobody_knows_fails_alone_and_only_where_it_is_missed(kept):
    rename = {"KRW-NOT": NEW}
    with pytest.raises(PartialResult) as raised:
        kept.get_candle(NEW, "1m", **RANGE, rename=rename)
    assert set(raised.value.failures) == {"KRW-NOT"}
    assert raised.value.frame.height == 60
    later = {"start": "2026-11-16T01:00", "end": "2026-11-16T02:00"}
    assert kept.get_candle(NEW, "1m", **later, rename=rename).height == 60


def test_an_old_code_is_not_missed_at_the_live_edge(kept, exchange):
    """The newest candle is not final yet: the listed code has it, and no other could."""
    now = kept.twin._transport.now()

    def fresh(params):
        last = min(parse_time(params["to"]), now) if "to" in params else now
        times = [last // MINUTE * MINUTE - n * MINUTE for n in range(int(params["count"]))]
        return row_bodies(params["market"], times)

    exchange.bodies["/candles/minutes/1"] = fresh
    rename = {"KRW-NOT": NEW}
    for forming in (False, True):
        found = kept.get_candle(NEW, "1m", count=5, rename=rename, forming=forming)
        assert found["listed_as"].to_list() == [NEW] * 5


def test_a_new_code_that_nobody_knows_is_an_error(kept):
    with pytest.raises(UnknownSymbol, match="KRW-NOT"):
        kept.get_candle(OLD, "1m", **RANGE, rename={OLD: "KRW-NOT"})
    with pytest.raises(InputError, match="circle"):
        kept.get_candle(OLD, "1m", **RANGE, rename={OLD: OLD})


def test_a_failure_of_the_exchange_is_that_of_the_market_that_met_it(kept, exchange):
    def down(params):
        return candles(params) if params["market"] == NEW else None

    exchange.bodies["/candles/minutes/1"] = down
    with pytest.raises(PartialResult) as raised:
        kept.get_candle([NEW, "KRW-XRP"], "1m", **RANGE, rename=RENAME)
    assert set(raised.value.failures) == {"KRW-XRP"}
    assert raised.value.frame.height == 120


def test_both_codes_may_be_gone_and_one_may_go_while_the_list_is_young(kept, exchange):
    keep(kept, NEW, 60, 120)
    both = kept.get_candle(NEW, "1m", **RANGE, rename=RENAME, source="lake")
    exchange.bodies.pop("/candles/minutes/1")
    exchange.gone.add(NEW)
    assert kept.get_candle(NEW, "1m", **RANGE, rename=RENAME, source="exchange").equals(both)
    exchange.bodies["/market/all"] = market_list(tuple(set(LISTED) - {NEW}))
    assert kept.get_candle(OLD, "1m", **RANGE, rename=RENAME).equals(both)


def test_where_the_story_comes_from_is_told(kept):
    first = kept.with_response.get_candle(NEW, "1m", **RANGE, rename=RENAME)
    again = kept.with_response.get_candle(NEW, "1m", **RANGE, rename=RENAME)
    assert (first.source, again.source) == ({NEW: "rest"}, {NEW: "lake"})
