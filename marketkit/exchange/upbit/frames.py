"""TODO."""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import polars as pl

from marketkit import schema
from marketkit.exchange.upbit.messages import Book, Candle, Ticker, Trade
from marketkit.schema import Schema


def ticker_frame(messages: Iterable[Ticker], *, exact: bool = False) -> pl.DataFrame:
    """Give tickers as `schema.TICKER`, a row each, in order."""
    return _rows(map(_ticker_row, messages), schema.TICKER, exact=exact)


def trade_frame(messages: Iterable[Trade], *, exact: bool = False) -> pl.DataFrame:
    """Give trades as `schema.TRADE`, a row each, in order."""
    return _rows(map(_trade_row, messages), schema.TRADE, exact=exact)


def candle_frame(messages: Iterable[Candle], *, exact: bool = False) -> pl.DataFrame:
    """Give candles as `schema.ROW`, a row each, in order."""
    return _rows(map(_candle_row, messages), schema.ROW, exact=exact)


def orderbook_frame(
    messages: Iterable[Book], *, depth: int | None = None, exact: bool = False
) -> pl.DataFrame:
    """Give books as `schema.ORDERBOOK`: a row per symbol and depth, padded slots null.

    `depth` is how many levels of each are given; all by default.
    """
    books = [(book, book.units[:depth]) for book in messages]
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
    shape = schema.exact(schema.ORDERBOOK) if exact else schema.ORDERBOOK
    return pl.DataFrame({name: pl.Series(name, data[name], shape[name]) for name in shape})


def _rows(rows: Iterable[Sequence[object]], target: Schema, *, exact: bool) -> pl.DataFrame:
    """Lay rows out; for the few of an event a third of what it costs column by column."""
    shape = schema.exact(target) if exact else target
    return pl.DataFrame(list(rows), pl.Schema(shape), orient="row")


_trade_row = operator.attrgetter(*schema.TRADE)


_candle_row = operator.attrgetter(*schema.ROW)


_ticker_values = operator.attrgetter(*schema.TICKER)


_DAYS = tuple(list(schema.TICKER).index(name) for name in ("high_52w_date", "low_52w_date"))


def _ticker_row(message: Ticker) -> Sequence[object]:
    row = list(_ticker_values(message))
    for at in _DAYS:
        row[at] = _date(row[at])
    return row


@functools.lru_cache(maxsize=4096)
def _date(text: str | None) -> date | None:
    """Read a day; what is none is not known."""
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        return None
