"""Depth and level of a stream of order books."""

from __future__ import annotations

import asyncio
from typing import Any

import polars as pl
import pytest

from marketkit.api.books import BookForm, book_form, fitting
from marketkit.errors import InputError


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


class Instruments:
    """Instruments of two markets."""

    async def of(self, names: list[str], _: str) -> Any:
        """Give the levels of some markets."""
        levels = {"KRW-BTC": ["0", "10000", "1000000"], "BTC-ETH": ["0"]}
        rows = {"symbol": names, "supported_levels": [levels[each] for each in names]}
        return pl.DataFrame(rows), {}


def fit(names: list[str], level: float) -> list[str]:
    instruments: Any = Instruments()
    return asyncio.run(fitting(instruments, names, level, "normal"))


def test_markets_without_a_level_are_left_out_and_told_their_levels():
    assert fit(["KRW-BTC"], 10_000) == ["KRW-BTC"]
    assert fit(["BTC-ETH", "KRW-BTC"], 0) == ["BTC-ETH", "KRW-BTC"]
    with pytest.warns(UserWarning, match="levels of BTC-ETH are 0; streams are opened without"):
        assert fit(["BTC-ETH", "KRW-BTC"], 10_000) == ["KRW-BTC"]


def test_a_level_that_no_market_has_is_refused():
    with pytest.raises(InputError, match="level=7: the levels of KRW-BTC are 0, 10000, 1000000"):
        fit(["KRW-BTC"], 7)
