"""An answer of today becomes a response or the result of a batch."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from marketkit.api.response import DataResponse as Answer
from marketkit.compat.older.calls import OlderMethods
from marketkit.compat.older.models import DataSourceType, Priority, StreamType
from marketkit.compat.older.outcome import Outcome
from marketkit.errors import PartialResult, UnknownSymbol
from marketkit.schema import TICKER, empty

AT = datetime(2026, 1, 2, 9, tzinfo=UTC)


class Calls(OlderMethods):
    """The calls themselves."""

    def _answer(self, call):
        return call

    def _batch(self, _, call):
        return call


def outcome(sources, failures=None, *, ages=None):
    symbols = list(sources)
    frame = empty(TICKER).clear(len(symbols)).with_columns(symbol=pl.Series(symbols), time=AT)
    frame = frame.with_columns(price=1.0, trade_time=AT.replace(hour=8))
    call = Calls().get_tickers(symbols, Priority.LOW)
    answer = Answer(frame, sources, ages or dict.fromkeys(symbols, 0), 1.0, failures or {})
    return Outcome(call, answer, call.pay(frame), 0.25)


def failed(error):
    return Outcome(Calls().get_ticker("KRW-NO"), error, None, 0.25)


def test_a_response_has_source_age_times_and_counts():
    told = outcome({"KRW-A": "memory", "KRW-B": "memory"}, ages={"KRW-A": 100, "KRW-B": 350})
    response = told.response()
    assert response.success
    assert response.cache_hit
    assert response.error is None
    assert response.data_source_type is DataSourceType.CACHE
    assert response.stream_type is StreamType.TICKER
    assert (response.response_time_ms, response.age_seconds) == (250.0, 0.35)
    assert (response.data_timestamp, response.server_timestamp) == (AT.replace(hour=8), AT)
    metadata = response.metadata
    assert (metadata.source, metadata.records_count, metadata.cache_hit) == ("cache", 2, True)
    assert metadata.priority_used is Priority.LOW
    assert metadata.timestamp.tzinfo is UTC


def test_what_comes_from_a_feed_is_real_time():
    assert outcome({"KRW-A": "feed"}).response().is_realtime
    mixed = outcome({"KRW-A": "feed", "KRW-B": "rest"}).response()
    assert not mixed.is_realtime
    assert not mixed.cache_hit
    assert mixed.data_source == "hybrid"


def test_a_symbol_that_failed_is_named_and_the_others_are_delivered():
    failures = {name: UnknownSymbol(name) for name in ("KRW-NO", "KRW-NEVER")}
    response = outcome({"KRW-A": "rest"}, failures).response()
    assert response.success
    assert response.error == "KRW-NO: unknown symbol 'KRW-NO', and 1 more failed"
    assert [row["market"] for row in response.data] == ["KRW-A"]
    with pytest.raises(PartialResult):
        response.raise_for_error()


def test_an_error_is_a_response_that_did_not_succeed():
    response = failed(UnknownSymbol("KRW-NO")).response()
    assert not response
    assert response.error == "unknown symbol 'KRW-NO'"
    assert response.data is None
    assert response.data_source == response.metadata.source == "error"
    assert response.metadata.records_count == 0
    with pytest.raises(UnknownSymbol):
        response.raise_for_error()


def test_a_batch_has_repeats_as_they_were_asked_for():
    told = outcome({"KRW-A": "memory", "KRW-B": "rest"}, {"KRW-NO": UnknownSymbol("KRW-NO")})
    result = told.batch(["KRW-A", "KRW-NO", "KRW-A", "KRW-B"])
    assert result.successful_symbols == ["KRW-A", "KRW-A", "KRW-B"]
    assert result.failed_symbols == ["KRW-NO"]
    assert result.symbols_per_second == 12.0
    assert result.cache_hit_rate == 50.0
    assert result.total_response_time_ms == 250.0
    assert result.individual_responses["KRW-A"]["market"] == "KRW-A"
    assert result.individual_responses["KRW-NO"] == {"error": "unknown symbol 'KRW-NO'"}


def test_a_batch_that_failed_says_so_of_every_symbol():
    result = failed(UnknownSymbol("KRW-NO")).batch(["KRW-NO", "KRW-NO"])
    assert result.failed_symbols == ["KRW-NO", "KRW-NO"]
    assert (result.symbols_per_second, result.cache_hit_rate) == (0.0, 0.0)
    assert result.individual_responses == {"KRW-NO": {"error": "unknown symbol 'KRW-NO'"}}


def test_sources_and_bytes_are_counted():
    told = outcome({"KRW-A": "rest"})
    assert list(told.sources.values()) == ["rest"]
    assert told.size > 0
    nothing = failed(UnknownSymbol("KRW-NO"))
    assert (nothing.sources, nothing.size) == ({}, 0)
