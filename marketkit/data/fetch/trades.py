"""Trades of the last days through REST, into the trades of the lake."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import polars as pl

from marketkit.coverage import Span, Spans
from marketkit.data.lake.trades.layout import days_of
from marketkit.data.lake.trades.store import TradeStore
from marketkit.errors import NotCovered
from marketkit.exchange.dialect import Request, Response
from marketkit.exchange.upbit import rest as upbit_rest
from marketkit.exchange.upbit.paging import TradeRange, walk_trades
from marketkit.net.engine import aside
from marketkit.net.walk import Pages, Send
from marketkit.timeframe import DAY, iso

# ms between a trade and the moment by which no answer lacks it, and by which our idea of the
# exchange's clock may be wrong, with much to spare: what is stored is believed for ever.
SETTLED = 60_000


class Walked(NamedTuple):
    """Trades of a walk in order, and the moment of the first answer, ms UTC."""

    rows: pl.DataFrame
    at: int


class Filled(NamedTuple):
    """How many trades came into the lake, and the times of which the exchange keeps none."""

    rows: int
    missing: Spans


def oldest_kept(now: int) -> int:
    """Give the beginning of the oldest day of which the exchange gives trades one by one."""
    return (now // DAY - upbit_rest.TRADE_DAYS) * DAY


Read = Callable[[Request, Response], None]


async def walk(
    wanted: TradeRange,
    send: Send,
    *,
    exact: bool = False,
    sure: bool = False,
    read: Read | None = None,
) -> Walked:
    """Walk back through the pages of trades of one symbol; `read` is told of each sound one.

    Where all is to be `sure`, no page ends a day for being short.
    """
    pages: list[pl.DataFrame] = []
    at: int | None = None
    async for page, response, request in Pages(walk_trades(wanted, exact=exact, sure=sure), send):
        at = response.at if at is None else min(at, response.at)
        if read is not None:
            read(request, response)
        pages.append(page.rows)
    # New trades shift the pages while they are read: the same trade may come twice.
    rows = pl.concat(pages).unique("sequential_id", keep="first").sort("time", "sequential_id")
    return Walked(rows, wanted.now if at is None else at)


async def fill(store: TradeStore, symbol: str, span: Span, send: Send, now: int) -> Filled:
    """Fetch the trades that the lake lacks, day by day from the newest on, and keep each day.

    `now` is the exchange's, in ms. What is younger than `SETTLED` is not kept: a trade may be on
    the way.
    """
    start, end = span.start, max(span.start, min(span.end, now - SETTLED))
    missing = await aside(partial(store.missing, symbol, start, end))
    gone = missing.clip(start, max(start, min(end, oldest_kept(now))))
    count = 0
    for _, parts in reversed(list(days_of(missing - gone))):
        for part in reversed(list(parts)):
            walked = await walk(TradeRange(symbol, now, *part), send, sure=True)
            keep = partial(store.append, symbol, walked.rows, Spans([part]), seen_at=walked.at)
            count += (await aside(keep)).rows
    return Filled(count, gone)


def lacking(symbol: str, lost: Spans) -> NotCovered:
    """Make the error for times of which neither the lake nor the exchange has the trades."""
    first = next(iter(lost))
    more = f" (the first of {len(lost):,} such times)" if len(lost) > 1 else ""
    return NotCovered(
        f"the lake lacks trades of {symbol} from {iso(first.start)} to {iso(first.end)}{more}, and"
        " the exchange\nkeeps seven days: backfill(symbols, 'trade', start, end, archive=True)"
        " fetches older ones"
    )
