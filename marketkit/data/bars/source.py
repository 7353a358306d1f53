"""Trades, and the times in which none is missing: all that bars are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from marketkit.coverage import Spans


@dataclass(frozen=True, slots=True)
class Trades:
    """Trades of some markets, from any source.

    `rows` has the columns of `schema.TRADE`, in any order of rows, of no other markets and of
    hardly more time than is wanted. `covered` says for each of its symbols in which times no trade
    is missing, in ms UTC. `at` is the moment up to which trades came that are still going on, None
    for a past that is over.
    """

    rows: pl.LazyFrame | pl.DataFrame
    covered: Mapping[str, Spans] = field(default_factory=dict)
    at: int | None = None

    def of(self, symbol: str) -> pl.LazyFrame:
        """Give the trades of a symbol."""
        if self.covered.keys() == {symbol}:
            return self.rows.lazy()  # a look at millions of symbols takes as long as adding up does
        return self.rows.lazy().filter(pl.col("symbol") == symbol)

    def known(self, symbol: str) -> Spans:
        """Give the times in which no trade of a symbol is missing."""
        return self.covered.get(symbol, Spans())
