"""A feed as a source for calls: the newest rows of the subscriptions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

import polars as pl


class Latest(Protocol):
    """A keeper of the newest rows of subscriptions; any thread may ask."""

    def hot(
        self, channel: str, symbols: Sequence[str], rows: int
    ) -> tuple[Collection[str], int] | None:
        """Give the symbols whose newest `rows` rows are known, and the moment of that knowledge.

        Up to that moment of the `age_clock` nothing can have changed without its knowing. None if
        it knows nothing.
        """

    def newest(self, channel: str, symbols: Sequence[str], rows: int) -> pl.DataFrame:
        """Give the newest rows of symbols, sorted by symbol, in the columns of the call's frame."""

    def whole(self, channel: str, symbol: str) -> tuple[pl.DataFrame, int] | None:
        """Give the newest rows of a symbol, among and after which none is missing, and as of when.

        The moment is of the `age_clock`. None if it knows none. Ask on the engine's loop.
        """
