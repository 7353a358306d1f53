"""An answer with its story, as a value and as text."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from marketkit.api.query import CallOptions, Query, Result
from marketkit.api.response import DataResponse, respond
from marketkit.clock import age_clock
from marketkit.errors import UnknownSymbol

FRAME = pl.DataFrame({"symbol": ["KRW-A", "KRW-B"], "price": [1.0, 2.0]})


async def nobody():
    raise AssertionError


QUERY = Query("ticker", ["KRW-A", "KRW-B"], CallOptions(), nobody)


def response(failures=(), source=("memory", "memory")):
    return DataResponse(
        FRAME,
        dict(zip(FRAME["symbol"], source, strict=True)),
        {"KRW-A": 100, "KRW-B": 250},
        20.0,
        {symbol: UnknownSymbol(symbol) for symbol in failures},
    )


def test_success_means_that_every_symbol_was_delivered():
    assert response().success
    assert not response(["<KRW-C>"]).success


def test_a_cache_hit_asked_the_exchange_for_nothing():
    assert response().cache_hit
    assert response(source=("feed", "lake")).cache_hit
    assert not response(source=("memory", "rest")).cache_hit
    assert not response(["KRW-C"]).cache_hit


def test_only_what_was_delivered_counts_for_the_pace():
    assert response(["KRW-C", "KRW-D"]).symbols_per_second == 100.0


def test_candles_made_of_finer_ones_are_told_beside_their_source():
    told = replace(response(source=("derived", "rest")), derived={"KRW-A": "1m", "KRW-B": "1h"})
    assert repr(told).startswith(
        "DataResponse(1 from lake, 1 from rest in 20.0 ms, at most 250 ms old,"
        " 2 made of finer candles)"
    )
    assert response(source=("derived", "memory")).cache_hit
    assert response().derived == {}


def test_the_text_says_where_from_how_old_and_what_failed():
    text = repr(response(["KRW-C"], source=("memory", "rest")))
    assert text.startswith(
        "DataResponse(1 from memory, 1 from rest in 20.0 ms, at most 250 ms old, 1 failed)\n"
        "  KRW-C: unknown symbol 'KRW-C'\n"
    )
    assert text.splitlines()[-2:] == ["KRW-A       1", "KRW-B       2"]


def test_the_html_escapes_what_others_said():
    shown = response(["<b>"])._repr_html_()
    assert "&lt;b&gt;" in shown
    assert "<b>" not in shown
    assert "<table" in shown


def test_ages_and_sources_are_told_by_symbol():
    made = age_clock() - 40
    sources = {("memory", made): ["KRW-A"], ("rest", made + 40): ["KRW-B"]}
    told = respond(QUERY, Result(FRAME, sources, {}), 0.02)
    assert told.frame is FRAME
    assert told.source == {"KRW-A": "memory", "KRW-B": "rest"}
    assert told.age_ms["KRW-A"] - told.age_ms["KRW-B"] == 40
    assert told.age_ms["KRW-B"] >= 0
    assert told.response_time_ms == 20.0
    assert told.derived == {}
    made = Result(FRAME, sources, {}, derived={"KRW-A": "1m"})
    assert respond(QUERY, made, 0.02).derived == {"KRW-A": "1m"}


def test_failures_beside_rows_are_told_and_failures_alone_are_raised():
    failures = {"KRW-C": UnknownSymbol("KRW-C")}
    told = respond(QUERY, Result(FRAME, {("rest", 0): ["KRW-A", "KRW-B"]}, failures), 0.02)
    assert told.failures == failures
    with pytest.raises(UnknownSymbol, match="KRW-C"):
        respond(QUERY, Result(FRAME.clear(), {}, failures), 0.02)


def test_no_rows_and_no_failures_are_an_empty_frame():
    assert respond(QUERY, Result(FRAME.clear(), {}, {}), 0.02).success
