"""Candles of widths that the exchange has none of, out of the lake's narrower ones."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from marketkit.coverage import Span, Spans
from marketkit.data.lake.read.candles import known_of, row
from marketkit.data.lake.read.view import View, aggregate, look
from marketkit.data.lake.store.store import Store
from marketkit.schema import empty
from marketkit.timeframe import Timeframe
from marketkit.window import OWN_DAYS


def read_made(
    store: Store, symbols: Iterable[str], width: Timeframe, window: Span, *, exact: bool = False
) -> pl.DataFrame:
    """Add up the slots of a range of which every narrower slot is proved; others are left out.

    Columns are those of `schema.ROW`, sorted by symbol and time. Slots begin at 00:00 UTC and are
    counted from there; those of three days from 1970-01-01. With `exact` numbers are decimals.
    """
    whole = Span(width.ceil(window.start), width.ceil(window.end))
    view = look(store, symbols, width.made_of or width, whole)
    frames = [
        aggregate(view.of([symbol]).read(slots, exact=exact), width, OWN_DAYS)
        for symbol in sorted(view.symbols)
        for slots in _slots(view, symbol, width, whole)
    ]
    return pl.concat([empty(row(exact=exact)), *frames])


def _slots(view: View, symbol: str, width: Timeframe, window: Span) -> Iterable[Span]:
    """Give the spans of a range that are made of wide slots known from end to end."""
    spans = Spans(width.whole(known_of(view, symbol)))
    return spans.clip(*window)
