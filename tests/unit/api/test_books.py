"""Depth and level of a stream of order books."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from marketkit.api.books import BookForm, book_form, check_level
from marketkit.errors import InputError, UnknownSymbol


def test_a_book_is_asked_for_in_the_least_depth_that_suffices():
    asked = {depth: BookForm(depth).asked for depth in (1, 2, 5, 6, 15, 16, 30)}
    assert asked == {1: 1, 2: 5, 5: 5, 6: 15, 15: 15, 16: None, 30: None}
    assert BookForm().channel == "orderbook"
    assert BookForm(5, 10_000).channel == "orderbook.10000"


def test_levels_that_nobody_wants_are_cut():
    books = pl.DataFrame({"depth": [1, 2, 3]})
    assert BookForm(2).cut(books)["depth"].to_list() == [1, 2]
    assert BookForm().cut(books).height == 3


def test_only_books_have_a_depth_and_a_level():
    assert book_form("trade", None, 0) is None
    assert book_form("orderbook", None, 0) == BookForm()
    with pytest.raises(InputError, match=r"not 'candle\.1m'"):
        book_form("candle.1m", None, 10)


@pytest.mark.parametrize(
    ("depth", "level"), [(0, 0), (31, 0), (2.5, 0), (5, -1), (5, "10"), (5, float("nan"))]
)
def test_what_no_book_has_is_refused(depth, level):
    with pytest.raises(InputError, match=r"depth=|level="):
        book_form("orderbook", depth, level)


def markets(levels: dict[str, list[str]], failures: dict[str, Exception] | None = None) -> Any:
    """A market list with instruments."""

    async def of(names, _):
        rows = {"symbol": list(levels), "supported_levels": list(levels.values())}
        return pl.DataFrame(rows), failures or {}

    return SimpleNamespace(instruments=SimpleNamespace(of=of))


def test_a_level_that_a_market_has_not_is_refused_with_those_it_has():
    known = markets({"KRW-BTC": ["0", "10000", "1000000"], "BTC-ETH": ["0"]})
    with pytest.raises(InputError, match=r"level=7 is none of BTC-ETH \(one of 0\)"):
        asyncio.run(check_level(known, ["BTC-ETH", "KRW-BTC"], 7, "normal"))
    one = markets({"KRW-BTC": ["0", "10000", "1000000"]})
    with pytest.raises(InputError, match=r"\(one of 0 10000 1000000\)"):
        asyncio.run(check_level(one, ["KRW-BTC"], 7, "normal"))
    asyncio.run(check_level(one, ["KRW-BTC"], 10_000, "normal"))


def test_levels_that_are_not_known_are_refused_too():
    unknown = markets({}, {"KRW-BTC": UnknownSymbol("KRW-BTC")})
    with pytest.raises(InputError, match="levels of KRW-BTC are not known"):
        asyncio.run(check_level(unknown, ["KRW-BTC"], 10_000, "normal"))
