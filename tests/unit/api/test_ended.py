"""A market that the exchange lists no more is answered from the lake, and its end is told."""

from __future__ import annotations

import warnings

import polars as pl
import pytest

from marketkit.api.ended import note
from marketkit.coverage import Spans
from marketkit.data.lake.chronicle import Chronicle
from marketkit.errors import CorruptFile, NotCovered, PartialResult, UnknownSymbol
from marketkit.schema import CANDLE, exact
from marketkit.timeframe import DAY, HOUR, MINUTE, iso, parse_time
from tests.unit.api.conftest import LISTED, market_list
from tests.unit.data.lake.conftest import make_candles

START = parse_time("2026-11-16")
INSIDE = {"start": "2026-11-16", "end": "2026-11-16T02:00"}
OLD = "KRW-OLD"


@pytest.fixture
def kept(provider):
    """A provider with two hours of minutes of a market that nobody lists."""
    times = range(START, START + 2 * HOUR, MINUTE)
    covering = Spans([(START, START + 2 * HOUR)])
    provider.lake().append(OLD, "1m", make_candles(times, OLD), covering)
    return provider


@pytest.fixture
def told(kept):
    """The same, with a list of two days before the one of today that has the market."""
    now = kept.twin._transport.now()
    before = kept.get_market().tail(1).with_columns(symbol=pl.lit(OLD))
    kept.lake().universe.keep(before, now - 2 * DAY, make=True)
    kept.get_market()
    return kept


@pytest.mark.parametrize("source", ["auto", "lake", "exchange"])
def test_a_range_that_the_lake_proves_is_given_without_a_word(told, exchange, source):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = told.get_candle(OLD, "1m", **INSIDE, source=source)
    assert found.height == 120
    assert found.schema == pl.Schema(CANDLE)
    assert set(exchange.paths()) == {"/market/all"}


@pytest.mark.parametrize("source", ["auto", "lake", "exchange"])
def test_what_lies_outside_of_the_proof_is_named(told, source):
    wide = {"start": "2026-11-15", "end": "2026-11-17"}
    lacks = "not listed any more, last on .* no proof from 2026-11-15T00:00:00Z .* 1 more gaps"
    with pytest.warns(UserWarning, match=lacks):
        found = told.get_candle(OLD, "1m", **wide, source=source)
    assert found.height == 120
    answer = told.with_response.get_candle(OLD, "1m", **wide, source=source)
    assert answer.source == {OLD: "lake"}
    assert answer.success
    assert OLD in answer.notes[OLD]
    assert answer.notes[OLD] in repr(answer)


def test_the_newest_candles_are_those_that_the_lake_has_and_the_rest_is_named(told):
    with pytest.warns(UserWarning, match="no proof from 2026-11-16T02:00:00Z"):
        found = told.get_candle(OLD, "1m", count=5)
    last = START + 2 * HOUR
    assert found["time"].dt.epoch("ms").to_list() == list(range(last - 5 * MINUTE, last, MINUTE))
    with pytest.warns(UserWarning, match="no proof before 2026-11-16"):
        assert told.get_candle(OLD, "1m", count=500).height == 120


def test_wide_candles_and_filled_ones_are_made_of_what_is_there(told):
    hours = told.get_candle(OLD, "1h", **INSIDE, source="exchange")
    assert hours.height == 2
    with pytest.warns(UserWarning, match="no proof"):
        days = told.get_candle(OLD, "1m", start="2026-11-15", end="2026-11-17", fill="forward")
    assert days.height == 120
    assert told.get_candle(OLD, "1m", **INSIDE, precision="decimal").schema == exact(CANDLE)
    with pytest.warns(UserWarning, match="no proof"):
        hours = told.get_candle(OLD, "1h", count=2, session="00:30 Asia/Seoul")
    assert hours["time"].dt.minute().to_list() == [30]


def test_other_markets_of_the_call_are_not_charged(told):
    with pytest.raises(PartialResult) as raised, pytest.warns(UserWarning, match="no proof"):
        told.get_candle([OLD, "KRW-BTC"], "1m", start="2026-11-16")
    assert set(raised.value.failures) == {"KRW-BTC"}  # this exchange has no candles at all
    assert raised.value.frame["symbol"].unique().to_list() == [OLD]


def test_a_market_that_nobody_knows_is_unknown_and_says_when_it_was_listed(told):
    with pytest.raises(UnknownSymbol) as raised:
        told.get_candle(OLD, "1s", **INSIDE)
    assert raised.value.last_listed is not None
    with pytest.raises(UnknownSymbol, match="KRW-NEVER"):
        told.get_candle([OLD, "KRW-NEVER"], "1m", **INSIDE)
    with pytest.warns(UserWarning, match="KRW-NEVER skipped"):
        found = told.get_candle([OLD, "KRW-NEVER"], "1m", **INSIDE, on_error="skip")
    assert found.height == 120


@pytest.mark.parametrize("slip", ["KRW-OL*", "KRW-ZZ*", "OLD", "OLDKRW", "KRW-OLD.X", "KRW-币"])
@pytest.mark.parametrize("source", ["auto", "exchange"])
def test_what_is_no_market_of_the_lake_is_unknown_as_ever(told, slip, source):
    with pytest.raises(UnknownSymbol, match="unknown symbol"):
        told.get_candle(slip, "1m", **INSIDE, source=source)


def test_a_market_of_no_list_at_all_is_answered_too_and_not_by_the_lake_alone(kept):
    assert kept.get_candle(OLD, "1m", **INSIDE).height == 120
    with pytest.raises(NotCovered):  # nothing shows that it has ended
        kept.get_candle(OLD, "1m", start="2026-11-15", end="2026-11-17", source="lake")


def test_a_market_that_ends_while_its_list_is_young_is_answered_from_the_lake(kept, exchange):
    exchange.bodies["/market/all"] = market_list((*LISTED, OLD))
    kept.get_market()
    exchange.gone.add(OLD)
    exchange.bodies["/market/all"] = market_list()
    with pytest.warns(UserWarning, match="no proof from 2026-11-16T02:00:00Z"):
        found = kept.get_candle(OLD, "1m", start="2026-11-16", end="2026-11-16T03:00")
    assert found.height == 120
    with pytest.raises(UnknownSymbol, match="last on"):
        kept.get_candle(OLD, "1s", **INSIDE)


def test_the_lake_says_that_unknown_slots_of_an_ended_market_cannot_be_fetched(told):
    span = ("2026-11-15", "2026-11-17")
    states = told.lake().coverage(OLD, "1m", *span)["state"].to_list()
    assert states == ["unfetchable", "traded", "unfetchable"]
    told.lake().append(
        "KRW-BTC", "1m", make_candles([START], "KRW-BTC"), Spans([(START, START + MINUTE)])
    )
    assert "unknown" in told.lake().coverage("KRW-BTC", "1m", *span)["state"]


def test_a_note_warns_only_of_what_is_lacking():
    assert not note(OLD, Spans(), Chronicle()).lacking
    assert "in no market list" in note(OLD, Spans(), Chronicle()).text
    lacking = note(OLD, Spans([(START, START + HOUR)]), Chronicle())
    assert lacking.lacking
    assert iso(START + HOUR) in lacking.text


def test_a_corrupt_file_is_the_failure_of_its_own_market(told):
    keep = (
        "KRW-OLDER",
        "1m",
        make_candles([START], "KRW-OLDER"),
        Spans([(START, START + 2 * HOUR)]),
    )
    told.lake().append(*keep)
    (file,) = told.lake().root.rglob("*KRW-OLDER*/*.parquet")
    file.write_bytes(b"no candles")
    with pytest.raises(PartialResult) as raised:
        told.get_candle([OLD, "KRW-OLDER"], "1m", **INSIDE)
    assert isinstance(raised.value.failures["KRW-OLDER"], CorruptFile)
    assert raised.value.frame.height == 120
    with pytest.raises(CorruptFile):
        told.get_candle("KRW-OLDER", "1m", **INSIDE)
