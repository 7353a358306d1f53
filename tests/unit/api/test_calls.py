"""Where a query is answered, how long that takes, and what is refused before it is sent."""

from __future__ import annotations

import asyncio
import threading
from datetime import datetime
from types import SimpleNamespace

import polars as pl
import pytest

from marketkit.api.calls import DataMethods, Endpoints
from marketkit.api.metrics import Metrics
from marketkit.api.query import CallOptions, Query, Result
from marketkit.errors import InputError, NotCovered, ServerFailed
from marketkit.net.engine import engine

ROWS = pl.DataFrame({"symbol": ["KRW-BTC"], "price": [1.0]})
GOT = Result(ROWS, {("rest", 0): ["KRW-BTC"]}, {})
CALLS = {"get_market", "get_ticker", "get_orderbook", "get_trade", "get_candle"}


@pytest.fixture
def endpoints():
    """Ways to be answered; the queries of these tests need no endpoint."""
    return Endpoints(None, None, None, None, None, None, None, Metrics())


def answered(recalled, fetched=GOT, *, sends=True):
    """Make a query that notes the threads it is answered on."""
    threads = []

    def recall():
        threads.append(threading.current_thread())
        return recalled

    async def fetch():
        threads.append(threading.current_thread())
        return fetched

    return Query("ticker", "KRW-BTC", CallOptions(), fetch, recall, sends), threads


def test_memory_answers_in_the_callers_thread_and_nothing_else_is_asked(endpoints):
    query, threads = answered(GOT)
    assert endpoints.frame(lambda: query) is ROWS
    assert asyncio.run(endpoints.async_frame(lambda: query)) is ROWS
    assert threads == [threading.current_thread()] * 2


def test_what_has_to_be_sent_runs_on_the_engine(endpoints):
    query, threads = answered(None)
    assert endpoints.frame(lambda: query) is ROWS
    assert asyncio.run(endpoints.async_frame(lambda: query)) is ROWS
    here = threading.current_thread()
    assert [thread is here for thread in threads] == [True, False, True, False]
    assert threads[1] is threads[3] is engine()._thread


def test_a_query_that_sends_nothing_is_answered_in_the_callers_thread(endpoints):
    query, threads = answered(None, sends=False)
    assert endpoints.frame(lambda: query) is ROWS
    assert threads == [threading.current_thread()] * 2


def test_the_time_of_a_response_begins_before_its_arguments_are_checked(endpoints, monkeypatch):
    clock = SimpleNamespace(now=5.0)
    monkeypatch.setattr("marketkit.api.calls.time", SimpleNamespace(perf_counter=lambda: clock.now))
    query, _ = answered(GOT)

    def ask(symbols, *, slow):
        clock.now += slow
        return query

    assert endpoints.response(ask, "KRW-BTC", slow=0.25).response_time_ms == 250.0
    assert asyncio.run(endpoints.async_response(ask, "KRW-BTC", slow=0.5)).response_time_ms == 500.0
    assert [each.seconds for each in endpoints.metrics.recent()] == [0.25, 0.5]


def test_an_async_call_refuses_its_arguments_when_it_is_awaited(endpoints):
    def ask():
        raise InputError("no sense")

    call = endpoints.async_frame(ask)
    with pytest.raises(InputError, match="no sense"):
        asyncio.run(call)
    assert not endpoints.metrics.recent()


def test_failures_are_raised_from_frames_and_told_by_responses(endpoints):
    part = Result(ROWS, GOT.sources, {"KRW-ETH": ServerFailed("down")})
    query, _ = answered(part)
    with pytest.raises(ServerFailed, match="down"):
        endpoints.response(lambda: answered(Result(ROWS.clear(), {}, part.failures))[0])
    with pytest.raises(Exception, match="down"):
        endpoints.frame(lambda: query)
    assert endpoints.response(lambda: query).failures == part.failures


def test_every_face_has_the_same_calls(provider):
    assert {name for name in dir(DataMethods) if name.startswith("get_")} == CALLS
    for face in (provider, provider.twin, provider.with_response, provider.twin.with_response):
        assert isinstance(face, DataMethods)
        assert all(hasattr(face, name) for name in CALLS)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p: p.get_candle("KRW-BTC", "1x"), "unknown timeframe '1x'"),
        (lambda p: p.get_candle("KRW-BTC", "1min"), "did you mean '1m'"),
        (
            lambda p: p.get_candle("KRW-BTC", "1m", start="2025-02-01", end="2025-01-01"),
            "not before",
        ),
        (
            lambda p: p.get_candle("KRW-BTC", "1m", start="2025-02-01", end="2025-02-01"),
            "not before",
        ),
        (lambda p: p.get_candle("KRW-BTC", "1m", start=datetime(2025, 1, 1)), "naive"),  # noqa: DTZ001
        (lambda p: p.get_candle("KRW-BTC", "1m", start="yesterday"), "yesterday"),
        (lambda p: p.get_candle("KRW-BTC", "1m", count=0), "count=0"),
        (lambda p: p.get_candle("KRW-BTC", "1m", count=True), "count=True"),
        (
            lambda p: p.get_candle("KRW-BTC", "1m", start="2025-01-01", count=3),
            "not start and count",
        ),
        (lambda p: p.get_candle("KRW-BTC", "1m", source="disk"), "source='disk'"),
        (lambda p: p.get_candle("../x", "1m"), r"'\.\./x'"),
        (lambda p: p.get_candle("../x", "1m", source="lake"), r"'\.\./x'"),
        (lambda p: p.get_candle([], "1m"), "empty"),
        (lambda p: p.get_candle([7], "1m"), "not 7"),
        (lambda p: p.get_ticker([]), "empty"),
        (lambda p: p.get_ticker("KRW-BTC", frame="panda"), "did you mean 'pandas'"),
        (lambda p: p.get_ticker("KRW-BTC", tz="Asia/Soul"), "Asia/Soul"),
        (lambda p: p.get_ticker("KRW-BTC", priority="urgent"), "priority='urgent'"),
        (lambda p: p.get_ticker("KRW-BTC", precision="double"), "precision='double'"),
        (lambda p: p.get_ticker("KRW-BTC", on_error="ignore"), "on_error='ignore'"),
        (lambda p: p.get_market(frame="panda"), "frame='panda'"),
        (lambda p: p.get_market(as_of="2026-11-20", delisted=True), "as_of"),
        (lambda p: p.get_orderbook("KRW-BTC", depth=31), "depth=31"),
        (lambda p: p.get_orderbook("KRW-BTC", depth=0), "depth=0"),
        (lambda p: p.get_orderbook([]), "empty"),
        (lambda p: p.get_trade("KRW-BTC", count=0), "count=0"),
        (lambda p: p.get_trade([]), "empty"),
        (lambda p: p.backfill("KRW-BTC", "1m", start="2025-02-01", end="2025-01-01"), "not before"),
        (lambda p: p.backfill("../x", "1m", start="2025-02-01"), r"'\.\./x'"),
        (lambda p: p.iter_candle("KRW-BTC", "1m", start="2025-02-01", tz="Asia/Soul"), "Soul"),
    ],
)
def test_a_call_that_makes_no_sense_is_refused_before_anything_is_sent(
    provider, exchange, call, message
):
    with pytest.raises(InputError, match=message):
        call(provider)
    assert not exchange.asked


def test_the_lake_alone_is_asked_on_no_engine(offline, monkeypatch):
    monkeypatch.setattr("marketkit.api.calls.engine", None)
    with pytest.raises(NotCovered, match="KRW-BTC"):
        offline.get_candle("KRW-BTC", "1m", source="lake")
