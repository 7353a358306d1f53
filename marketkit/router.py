"""Which source answers for which symbol; a pure decision."""

from __future__ import annotations

from typing import Literal, Protocol

import polars as pl

from marketkit.cache.ttl import Kind

Source = Literal["memory", "feed", "store", "lake", "rest"]


class Latest(Protocol):
    """Something that keeps the newest state of what it is subscribed to."""

    def latest(self, kind: Kind, symbol: str) -> tuple[pl.DataFrame, int] | None:
        """Give the newest rows of a symbol and the exchange's moment (ms UTC) they are true for.

        None where the symbol is not kept hot: then somebody else has to be asked. The rows have the
        columns of the kind's schema, those of a book by depth. Any thread may call this.
        """


def choose(
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
