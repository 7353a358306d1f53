"""Depth and level of a stream of order books, as a caller names them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from marketkit.api.markets import MarketList
from marketkit.errors import InputError
from marketkit.exchange.dialect import Priority
from marketkit.exchange.upbit.channels import BOOK_DEPTHS
from marketkit.exchange.upbit.messages import book_channel
from marketkit.exchange.upbit.rest import DEPTH


class BookForm(NamedTuple):
    """The levels that are wanted of a book, and the prices that one level groups."""

    depth: int = DEPTH
    level: float = 0

    @property
    def channel(self) -> str:
        """The channel of such books."""
        return book_channel(self.level)

    @property
    def asked(self) -> int | None:
        """The least depth that the exchange offers and that suffices; None for all."""
        return next((each for each in BOOK_DEPTHS if each >= self.depth), None)

    def cut(self, books: pl.DataFrame) -> pl.DataFrame:
        """Leave out the levels that nobody wants."""
        return books if self.depth == DEPTH else books.filter(pl.col("depth") <= self.depth)


def book_form(channel: str, depth: int | None, level: float) -> BookForm | None:
    """Put depth and level together; None for other channels than `orderbook`.

    Raises `InputError` for what no book has, and for either with another channel.
    """
    if channel != "orderbook":
        if depth is not None or level:
            raise InputError(f"depth and level are for the channel 'orderbook', not {channel!r}")
        return None
    if depth is not None and not (isinstance(depth, int) and 1 <= depth <= DEPTH):
        raise InputError(f"depth={depth!r}: an order book has 1 to {DEPTH} levels")
    if not (isinstance(level, int | float) and 0 <= level < math.inf):
        raise InputError(f"level={level!r}: give the prices of one level, such as 10000, or 0")
    return BookForm(DEPTH if depth is None else depth, level)


async def check_level(
    markets: MarketList, names: Sequence[str], level: float, priority: Priority
) -> None:
    """Raise `InputError`, naming the levels of the first market that has no such `level`.

    On the stream the exchange passes over such a market in silence.
    """
    told, failures = await markets.instruments.of(names, priority)
    for name, failure in failures.items():
        raise InputError(f"level={level:g}: the levels of {name} are not known: {failure}")
    for name, levels in told.sort("symbol").select("symbol", "supported_levels").iter_rows():
        known = sorted(map(float, levels or ["0"]))
        if level not in known:
            shown = " ".join(f"{each:.15g}" for each in known)
            raise InputError(f"level={level:.15g} is none of {name} (one of {shown})")
