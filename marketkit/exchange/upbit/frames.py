"""Messages of Upbit's stream as frames with the columns of the `get_*` calls."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any

import msgspec
import polars as pl

from marketkit import schema
from marketkit.exchange.upbit.messages import Book, Ticker
from marketkit.schema import Schema

ToFrame = Callable[[Iterable[Any]], pl.DataFrame]

_DAYS = tuple(list(schema.TICKER).index(name) for name in ("high_52w_date", "low_52w_date"))
# Books laid out at a time: lists of 30 levels each stay below 64 kB. Those of thousands of books,
# as a slow callback gets at once, had a megabyte each, and the C library kept what they took.
_BOOKS = 256


def to_frame(columns: Schema) -> ToFrame:
    """Make the function that lays messages out as `columns`, a row each, in order."""
    values = operator.attrgetter(*columns)
    target = pl.Schema(columns)

    def frame(messages: Iterable[Any]) -> pl.DataFrame:
        # By rows: for the few of an event a third of what it costs column by column. An enum's
        # value that nobody knows yet is null: it must not take the rows of others along.
        return pl.DataFrame(list(map(values, messages)), target, orient="row", strict=False)

    return frame


trade_frame = to_frame(schema.TRADE)
candle_frame = to_frame(schema.ROW)


def ticker_frame(messages: Iterable[Ticker]) -> pl.DataFrame:
    """Lay tickers out as `schema.TICKER`, a row each, in order."""
    rows = list(map(_ticker_row, messages))
    return pl.DataFrame(rows, pl.Schema(schema.TICKER), orient="row", strict=False)


def orderbook_frame(messages: Iterable[Book], *, depth: int | None = None) -> pl.DataFrame:
    """Lay books out as `schema.ORDERBOOK`: a row per symbol and depth, padded slots null.

    `depth` is how many levels of each are given; all by default.
    """
    books = [(book, book.units[:depth]) for book in messages]
    parts = [books[at : at + _BOOKS] for at in range(0, len(books), _BOOKS)] or [books]
    frames = list(map(_orderbook_part, parts))
    return frames[0] if len(frames) == 1 else pl.concat(frames, rechunk=True)


def _orderbook_part(books: Sequence[tuple[Book, Sequence[Any]]]) -> pl.DataFrame:
    units = [unit for _, some in books for unit in some]
    data: dict[str, list[Any]] = {
        name: [value for book, some in books for value in [getattr(book, name)] * len(some)]
        for name in ("symbol", "time", "total_bid_size", "total_ask_size", "level")
    }
    data["depth"] = [number for _, some in books for number in range(1, len(some) + 1)]
    data["bid_price"] = [unit.bid_price or None for unit in units]
    data["bid_size"] = [unit.bid_size if unit.bid_price else None for unit in units]
    data["ask_price"] = [unit.ask_price or None for unit in units]
    data["ask_size"] = [unit.ask_size if unit.ask_price else None for unit in units]
    shape = schema.ORDERBOOK
    return pl.DataFrame({name: pl.Series(name, data[name], shape[name]) for name in shape})


def _ticker_row(message: Ticker) -> Sequence[object]:
    # Fields are the columns, and the stream. A getter of twenty makes tuples of a length that
    # CPython 3.11 sets aside, two thousand of them, and never takes again.
    row: list[object] = [*msgspec.structs.astuple(message)][:-1]
    for at in _DAYS:
        row[at] = _date(row[at])
    return row


@functools.lru_cache(maxsize=4096)  # days of several years
def _date(text: str | None) -> date | None:
    """Read a day; one that cannot be read is not known."""
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        return None
