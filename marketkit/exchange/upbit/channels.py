"""Channels of Upbit's stream: one table of all that is particular to each.

A new channel is one message (`messages.py`) and one row of `SPECS`. Decoder, stores of the newest
state, recordings and names derive from it. Source: Upbit reference, sections 6.2 to 6.4.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import polars as pl

from marketkit import schema
from marketkit.errors import InputError, nearest
from marketkit.exchange.upbit import frames, messages
from marketkit.exchange.upbit.messages import Book, Candle, Row, Ticker, Trade
from marketkit.schema import Schema
from marketkit.timeframe import MADE, MINUTE, TIMEFRAMES, Timeframe, parse_timeframe

Keeps = Literal["newest", "events", "slots"]


@dataclass(frozen=True, slots=True)
class ChannelSpec:
    """One channel, or several that differ in the width of their candles.

    `message` reads its messages, `frame` lays them out as `columns`, `from_rows` makes one again of
    its rows. `keeps` says which messages matter: the `newest` of each symbol, all as `events` of
    which `key` tells one that came twice, or the newest of each slot (`slots`).

    Where a message has several rows they are the items of its field `parts`, numbered from 1 in the
    column `depth`, and `frame` takes `depth=`. The newest message answers for the exchange for
    `lifetime` ms, None while it is the newest. `widths` are the stream's names of candles by ours.
    """

    message: type[Any]
    columns: Schema
    frame: Callable[..., pl.DataFrame]
    from_rows: Callable[[type[Any], Sequence[Row]], Any] = messages.of_row
    keeps: Keeps = "newest"
    key: str | None = None
    parts: str | None = None
    lifetime: int | None = None
    widths: Mapping[str, str] = field(default_factory=dict)


BOOK_DEPTHS = (1, 5, 15)  # that a book can be asked for in; any other code brings all 30 levels
_WIDTHS = {name: name for name in ("1s", "1m", "3m", "5m", "10m", "15m", "30m")}

SPECS: dict[str, ChannelSpec] = {
    "ticker": ChannelSpec(
        Ticker,
        schema.TICKER,
        frames.ticker_frame,
        # Sums over a day and 24 hours change by themselves, without a message.
        lifetime=MINUTE,
    ),
    "trade": ChannelSpec(
        Trade,
        schema.TRADE,
        frames.trade_frame,
        messages.trade_of_row,
        keeps="events",
        key="sequential_id",
    ),
    "orderbook": ChannelSpec(
        Book,
        schema.ORDERBOOK,
        frames.orderbook_frame,
        messages.book_of_rows,
        parts="units",
    ),
    "candle": ChannelSpec(
        Candle,
        schema.ROW,
        frames.candle_frame,
        messages.candle_of_row,
        keeps="slots",
        widths={**_WIDTHS, "1h": "60m", "4h": "240m"},
    ),
}


def spec_of(channel: str) -> ChannelSpec:
    """Give the row of the table that a channel belongs to."""
    return SPECS[channel.partition(".")[0]]


def channel_names() -> list[str]:
    """List the channels by our names."""
    return [
        each
        for name, spec in SPECS.items()
        for each in ([f"{name}.{width}" for width in spec.widths] or [name])
    ]


def message_types() -> dict[str, type[Any]]:
    """Give the kind of message of every channel, by the stream's own names."""
    return {own: message_type(own) for own in map(channel, channel_names())}


def message_type(channel: str) -> type[Any]:
    """Give the kind of message of a channel."""
    spec = spec_of(channel)
    shared: Any = spec.message
    kind: type[Any] = messages.of_channel(shared, channel) if spec.widths else shared
    return kind


def channel(name: str) -> str:
    """Give the stream's own name of a channel a caller names.

    `candle.1h` and `candle.4h` are `candle.60m` and `candle.240m` there. Raises `InputError`, with
    the nearest names, for anything the exchange does not stream.

    >>> channel("candle.1h")
    'candle.60m'
    """
    kind, dot, width = name.partition(".") if isinstance(name, str) else ("", "", "")
    widths = SPECS[kind].widths if kind in SPECS else {}
    own = widths.get(width, width)
    if kind not in SPECS or (own not in widths.values() if widths else bool(dot)):
        known = channel_names()
        wider = f"; 'candle.4h' is the nearest, get_candle(forming=True) gives {width} candles"
        is_width = kind == "candle" and (width in TIMEFRAMES or width in MADE)
        hint = wider if is_width else nearest(str(name), known)
        raise InputError(f"no stream is called {name!r}{hint} (one of {' '.join(known)})")
    return f"{kind}.{own}" if widths else kind


def candle_channel(timeframe: Timeframe) -> str:
    """Give the name of the stream of a width. Raises `InputError` where the exchange has none."""
    return channel(f"candle.{timeframe}")


def timeframe_of(channel: str) -> Timeframe:
    """Give the width of a stream of candles."""
    return parse_timeframe(channel.partition(".")[2])
