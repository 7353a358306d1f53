"""Which source answers for which symbol; a pure decision."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal, Protocol

import polars as pl

Source = Literal["memory", "feed", "store", "lake", "rest"]


class Latest(Protocol):
    """Something that keeps the newest rows of what it is subscribed to; any thread may ask it."""

    def hot(
        self, channel: str, symbols: Sequence[str], rows: int
    ) -> tuple[Collection[str], int] | None:
        """Give the symbols whose newest `rows` rows are known, and the `steady` moment they are of.

        Up to that moment nothing can have changed without its knowing. None if it knows nothing.
        """

    def newest(self, channel: str, symbols: Sequence[str], rows: int) -> pl.DataFrame:
        """Give the newest rows of symbols, sorted by symbol, in the columns of the call's frame."""


def choose_source(
    *,
    memory: int | None = None,
    feed: int | None = None,
    store: bool = False,
    lake: bool = False,
) -> Source:
    """Choose the cheapest source that may answer.

    `memory` and `feed` are the ages in milliseconds of what these two hold and may still give, and
    the younger wins. What will not change any more is in the store (answers) or the lake (candles).
    Only when none of them has it is the exchange asked.

    >>> choose(memory=900, feed=20), choose(memory=900), choose(store=True), choose()
    ('feed', 'memory', 'store', 'rest')
    """
    if memory is not None and (feed is None or memory <= feed):
        return "memory"
    if feed is not None:
        return "feed"
    if store:
        return "store"
    return "lake" if lake else "rest"
