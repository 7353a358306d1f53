"""Messages of a stream as rows of a recording, and rows as messages again. Pure.

A row has the columns of the `get_*` frame of its channel, what else the message said (`sent`,
`stream`), and `received`: when it came, ms UTC of the exchange's clock as this machine knows it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import polars as pl

from marketkit import schema
from marketkit.exchange.upbit import frames as upbit_frames
from marketkit.exchange.upbit import messages as upbit_messages
from marketkit.exchange.upbit.messages import Book, Message, Ticker, Trade, Unit
from marketkit.schema import TIME, Schema

_MORE: Schema = {"sent": TIME, "stream": pl.String(), "received": TIME}
_BOTTOM = 1  # the depth at which a book begins


class Heard(NamedTuple):
    """A message and when it came, ms UTC."""

    received: int
    message: Message


def shape(channel: str) -> Schema:
    """Give the columns a reader of a channel gets."""
    return {**_base(channel), "received": TIME}


def stored(channel: str) -> Schema:
    """Give the columns of a channel's files."""
    return {**_base(channel), **_MORE}


def to_frame(channel: str, heard: Sequence[Heard]) -> pl.DataFrame:
    """Lay messages of one channel out as the rows of a file, in order."""
    messages: list[Any] = [each.message for each in heard]
    rows = _FRAMES[_kind(channel)](messages)
    times = [1 if channel != "orderbook" else len(each.units) for each in messages]
    more = pl.DataFrame(
        {
            "sent": [upbit_messages.sent(each) for each in messages],
            "stream": [each.stream for each in messages],
            "received": [each.received for each in heard],
        },
        {"sent": pl.Int64(), "stream": pl.String(), "received": pl.Int64()},
    )
    repeated = more.select(pl.all().repeat_by(pl.Series(times)).explode(empty_as_null=False))
    return rows.hstack(repeated.cast(pl.Schema(_MORE)))


def to_messages(channel: str, frame: pl.DataFrame) -> Iterator[Heard]:
    """Make rows messages again, in order; the rows of a book must all be there."""
    times = pl.selectors.datetime().dt.epoch("ms")
    kind = _kind(channel)
    rows = frame.with_columns(times, pl.selectors.date().dt.to_string()).iter_rows(named=True)
    if kind == "orderbook":
        yield from _books(rows)
        return
    for row in rows:
        yield Heard(row["received"], _MESSAGES[kind](channel, row))


def whole(channel: str, frame: pl.DataFrame) -> int:
    """Give how many rows of a frame, from its first, surely make whole messages."""
    if channel != "orderbook":
        return frame.height
    begins = (frame["depth"] == _BOTTOM).arg_true()
    return begins[-1] if begins.len() else 0


def _kind(channel: str) -> str:
    return channel.partition(".")[0]


def _base(channel: str) -> Schema:
    return {
        "ticker": schema.TICKER,
        "trade": schema.TRADE,
        "orderbook": schema.ORDERBOOK,
        "candle": schema.ROW,
    }[_kind(channel)]


_FRAMES: dict[str, Callable[[Sequence[Any]], pl.DataFrame]] = {
    "ticker": upbit_frames.ticker_frame,
    "trade": upbit_frames.trade_frame,
    "orderbook": upbit_frames.orderbook_frame,
    "candle": upbit_frames.candle_frame,
}


def _ticker(_: str, row: dict[str, Any]) -> Ticker:
    return Ticker(**{name: row[name] for name in schema.TICKER}, stream=row["stream"])


def _trade(_: str, row: dict[str, Any]) -> Trade:
    change = row["change_price"]
    return Trade(
        symbol=row["symbol"],
        time=row["time"],
        sent=row["sent"],
        price=row["price"],
        volume=row["volume"],
        side=row["side"],
        prev_close=row["prev_close"],
        change="EVEN" if change == 0 else "FALL" if change < 0 else "RISE",
        move=abs(change),
        sequential_id=row["sequential_id"],
        stream=row["stream"],
    )


def _candle(channel: str, row: dict[str, Any]) -> Message:
    return upbit_messages.candle_of(channel)(
        symbol=row["symbol"],
        opened=upbit_messages.spell_slot(row["time"]),
        open=row["open"],
        high=row["high"],
        low=row["low"],
        close=row["close"],
        volume=row["volume"],
        value=row["value"],
        sent=row["sent"],
        stream=row["stream"],
    )


_MESSAGES: dict[str, Callable[[str, dict[str, Any]], Message]] = {
    "ticker": _ticker,
    "trade": _trade,
    "candle": _candle,
}


def _books(rows: Iterator[dict[str, Any]]) -> Iterator[Heard]:
    book: Book | None = None
    received = 0
    for row in rows:
        if row["depth"] == _BOTTOM:
            if book is not None:
                yield Heard(received, book)
            received = row["received"]
            book = Book(
                symbol=row["symbol"],
                time=row["time"],
                total_ask_size=row["total_ask_size"],
                total_bid_size=row["total_bid_size"],
                units=[],
                level=row["level"],
                stream=row["stream"],
            )
        if book is not None:
            sides = ("ask_price", "bid_price", "ask_size", "bid_size")
            book.units.append(Unit(*(row[side] or 0.0 for side in sides)))
    if book is not None:
        yield Heard(received, book)
