"""Depth and level of a stream of order books, as a caller names them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real
from typing import NamedTuple

import polars as pl

from marketkit.api.instruments import Instruments
from marketkit.api.levels import unfit_for
from marketkit.errors import InputError, warn
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
    form = BookForm(DEPTH if depth is None else depth, level)
    check_book(*form)
    return form


def check_book(depth: object, level: object) -> None:
    """Raise `InputError` for a depth and a level that no book has."""
    if isinstance(depth, bool) or not isinstance(depth, int) or not 1 <= depth <= DEPTH:
        raise InputError(f"depth={depth!r}: an order book has 1 to {DEPTH} levels")
    if isinstance(level, bool) or not isinstance(level, Real) or not 0 <= float(level) < math.inf:
        raise InputError(f"level={level!r}: a level is a number such as 10000, or 0 for none")


async def fitting(
    instruments: Instruments, names: Sequence[str], level: float, priority: Priority
) -> list[str]:
    """Give the markets that have a `level`: over others the stream passes in silence.

    Those are left out with a warning that names their levels. Raises that as `InputError` where no
    market is left.
    """
    unfit = await unfit_for(instruments, names, level, priority)
    for failure in unfit.values():
        if len(unfit) == len(names):
            raise failure
        warn(f"{failure}; streams are opened without it")
    return [name for name in names if name not in unfit]
