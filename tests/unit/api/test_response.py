"""An answer with its story, as a value and as text."""

from __future__ import annotations

import polars as pl

from marketkit.api.response import DataResponse
from marketkit.errors import UnknownSymbol

FRAME = pl.DataFrame({"symbol": ["KRW-A", "KRW-B"], "price": [1.0, 2.0]})


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


def test_the_text_says_where_from_how_old_and_what_failed():
    text = repr(response(["KRW-C"], source=("memory", "rest")))
    assert text.startswith(
        "DataResponse(1 from memory, 1 from rest in 20.0 ms, at most 250 ms old, 1 failed)\n"
        "  KRW-C: unknown symbol 'KRW-C'\n"
    )
    assert repr(FRAME) in text


def test_the_html_escapes_what_others_said():
    shown = response(["<b>"])._repr_html_()
    assert "&lt;b&gt;" in shown
    assert "<b>" not in shown
    assert "<table" in shown
