"""Markets that end or begin while streams are open."""

from __future__ import annotations

import asyncio
from typing import Any

import polars as pl
import pytest

from marketkit.api.roster import Roster, Wish, wish
from marketkit.errors import ServerFailed, UnknownSymbol
from tests.unit.realtime.conftest import until

BTC, ETH, NEW = "KRW-BTC", "KRW-ETH", "KRW-NEW"


class Lists:
    """A market list that a test sets."""

    def __init__(self, *symbols: str) -> None:
        self.symbols: list[str] | Exception = list(symbols)
        self.looks = 0

    async def frame(self, _: str, *, life: int) -> pl.DataFrame:
        """Give the list of now."""
        assert life == 0
        self.looks += 1
        if isinstance(self.symbols, Exception):
            raise self.symbols
        return pl.DataFrame({"symbol": self.symbols}, {"symbol": pl.String()})


class Handle:
    """A handle that remembers."""

    closed = False

    def __init__(self, *symbols: str) -> None:
        self.symbols = symbols
        self.left: list[str] = []
        self.failure: Exception | None = None

    def join(self, symbols: list[str]) -> None:
        """Take markets in."""
        self.symbols = (*self.symbols, *symbols)

    def leave(self, symbol: str, why: str) -> None:
        """Let one go."""
        assert symbol in why
        self.symbols = tuple(each for each in self.symbols if each != symbol)
        self.left.append(symbol)

    async def give_up(self, failure: Exception) -> None:
        """End."""
        self.failure = failure


def watched(lists: Lists, steps: Any, *handles: tuple[Handle, Wish]) -> None:
    """Keep a roster of handles while a test does its steps."""

    async def main() -> None:
        roster = Roster(lists, look=0.001)  # type: ignore[arg-type]
        for handle, wished in handles:
            roster.add(handle, wished)  # type: ignore[arg-type]
        try:
            await steps()
        finally:
            await roster.close()

    asyncio.run(main())


def looked(lists: Lists, times: int = 3) -> Any:
    """Wait for that many more looks."""
    after = lists.looks + times
    return until(lambda: lists.looks >= after)


def test_a_market_that_two_lists_lack_leaves_every_handle_and_is_logged_once(caplog):
    lists, one, other = Lists(BTC, ETH), Handle(BTC, ETH), Handle(ETH, BTC)

    async def steps():
        await looked(lists)
        lists.symbols = [BTC]
        await until(lambda: one.left and other.left)
        await looked(lists)

    named = Wish(frozenset({BTC, ETH}), ())
    watched(lists, steps, (one, named), (other, named))
    assert (one.left, one.symbols, other.symbols) == ([ETH], (BTC,), (BTC,))
    assert caplog.text.count("KRW-ETH has ended") == 1


@pytest.mark.parametrize("odd", [[], ServerFailed("down"), ["KRW-XRP"]])
def test_one_odd_list_ends_no_market(odd):
    lists, handle = Lists(BTC), Handle(BTC)

    async def frame(_, *, life):
        del life
        lists.looks += 1
        if lists.looks % 2:
            return pl.DataFrame({"symbol": [BTC]})
        if isinstance(odd, Exception):
            raise odd
        return pl.DataFrame({"symbol": odd}, {"symbol": pl.String()})

    lists.frame = frame  # type: ignore[method-assign]
    watched(lists, lambda: looked(lists, 7), (handle, Wish(frozenset({BTC}), ())))
    assert handle.left == []


def test_new_markets_join_who_asked_for_globs():
    lists, globbed, named = Lists(BTC), Handle(BTC), Handle(BTC)

    async def steps():
        lists.symbols = [BTC, NEW, "BTC-NEW"]
        await until(lambda: globbed.symbols == (BTC, NEW))
        await looked(lists)

    wishes = [wish(["KRW-*"], [BTC], new_listings=None), wish([BTC], [BTC], new_listings=None)]
    watched(lists, steps, (globbed, wishes[0]), (named, wishes[1]))
    assert named.symbols == (BTC,)


def test_a_market_that_comes_back_joins_again():
    lists, handle = Lists(BTC), Handle(BTC, ETH)

    async def steps():
        await until(lambda: handle.left)
        lists.symbols = [BTC, ETH]
        await until(lambda: handle.symbols == (BTC, ETH))

    watched(lists, steps, (handle, Wish(frozenset({BTC, ETH}), ())))


def test_a_handle_without_a_market_left_ends_unless_new_ones_may_come():
    lists, named, globbed = Lists(BTC), Handle(ETH), Handle(ETH)

    async def steps():
        await until(lambda: named.failure is not None)
        await looked(lists)

    wishes = [Wish(frozenset({ETH}), ()), Wish(frozenset({ETH}), ("*-ETH",))]
    watched(lists, steps, (named, wishes[0]), (globbed, wishes[1]))
    assert isinstance(named.failure, UnknownSymbol)
    assert globbed.failure is None


def test_nobody_looks_when_every_handle_is_closed():
    lists, handle = Lists(BTC), Handle(BTC)

    async def steps():
        await looked(lists)
        handle.closed = True
        await asyncio.sleep(0.02)
        before = lists.looks
        await asyncio.sleep(0.02)
        assert lists.looks == before

    watched(lists, steps, (handle, Wish(frozenset({BTC}), ())))


def test_globs_take_new_markets_in_unless_they_shall_not():
    assert wish(["KRW-*", BTC], [BTC], new_listings=None).globs == ("KRW-*",)
    assert wish(["KRW-*"], [BTC], new_listings=False).globs == ()
    assert wish([BTC], [BTC], new_listings=True).among(frozenset({BTC, NEW})) == {BTC}
