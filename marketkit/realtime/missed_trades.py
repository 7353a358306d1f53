"""Trades that a stream missed, as REST tells of them."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from marketkit.exchange.dialect import Priority
from marketkit.exchange.upbit import rest as upbit_rest
from marketkit.exchange.upbit.paging import TradeRange, walk_trades
from marketkit.exchange.upbit.stream import Trade
from marketkit.net.transport import Transport
from marketkit.timeframe import DAY

MOST = 50_000  # trades of one symbol and interruption, a hundred requests


class Missed(NamedTuple):
    """Trades from a moment on, oldest first; not `whole` where the oldest are out of reach."""

    trades: list[Trade]
    whole: bool


async def fetch(transport: Transport, symbol: str, start: int, priority: Priority) -> Missed:
    """Ask for the trades of a symbol from `start` (ms UTC) until now, `MOST` of them at most.

    The exchange gives today (UTC) and the seven days before. Source: Upbit reference, section 3.3.
    """
    now = transport.now()
    steps = walk_trades(TradeRange(symbol, now, start, None, MOST))
    step, pages = next(steps), list[pl.DataFrame]()
    while step.request is not None:
        step = steps.send(await transport.send(step.request, priority))
        if step.page is not None:
            pages.append(step.page.rows)
    # New trades shift the pages while they are read: the same trade may come twice.
    rows = pl.concat(pages).unique("sequential_id", keep="first").sort("time", "sequential_id")
    reached = start >= (now // DAY - upbit_rest.TRADE_DAYS) * DAY
    return Missed(_trades(rows), reached and rows.height < MOST)


def _trades(rows: pl.DataFrame) -> list[Trade]:
    return [
        Trade(symbol, at, at, price, volume, side, close, _word(move), abs(move), number, "REST")
        for symbol, at, price, volume, side, close, move, number in rows.with_columns(
            pl.col("time").dt.epoch("ms")
        ).iter_rows()
    ]


def _word(move: float) -> str:
    return "RISE" if move > 0 else "FALL" if move < 0 else "EVEN"
