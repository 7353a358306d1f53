"""Messages of Upbit's stream as structs: fields are ours, `rename` has the names on the wire.

Messages are asked for in the SIMPLE format, whose names and numbers are in the Upbit reference,
sections 6.3, 6.4 and 3.7. `ty` names the channel. The functions below make a message again of its
rows in a recording.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Hashable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Protocol, TypeVar

import msgspec

Positive = Annotated[float, msgspec.Meta(gt=0)]
Moment = Annotated[int, msgspec.Meta(ge=0, le=253_402_300_799_999)]  # ms UTC: a frame has no later
Number = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]  # as a frame holds them
Row = Mapping[str, Any]  # of a recording: times as ms UTC, days as text
M = TypeVar("M")


class Message(Protocol):
    """The part that messages of all channels have in common; times are ms UTC."""

    symbol: str
    stream: str

    @property
    def channel(self) -> str:
        """The stream's own name of the channel."""

    @property
    def time(self) -> int:
        """The moment that the message is about."""

    @property
    def sent(self) -> int:
        """The moment the exchange made the message."""


class Ticker(
    msgspec.Struct,
    gc=False,
    tag_field="ty",
    tag="ticker",
    rename={
        "symbol": "cd",
        "time": "tms",
        "price": "tp",
        "open": "op",
        "high": "hp",
        "low": "lp",
        "prev_close": "pcp",
        "change": "c",
        "signed_change_price": "scp",
        "signed_change_rate": "scr",
        "trade_volume": "tv",
        "trade_time": "ttms",
        "volume": "atv",
        "value": "atp",
        "volume_24h": "atv24h",
        "value_24h": "atp24h",
        "high_52w": "h52wp",
        "high_52w_date": "h52wdt",
        "low_52w": "l52wp",
        "low_52w_date": "l52wdt",
        "stream": "st",
    },
):
    """The state of a market's day; fields are the columns of `schema.TICKER`, times ms UTC."""

    channel: ClassVar[str] = "ticker"
    symbol: str
    time: Moment
    price: Positive
    open: float | None = None
    high: float | None = None
    low: float | None = None
    prev_close: float | None = None
    change: str | None = None
    signed_change_price: float | None = None
    signed_change_rate: float | None = None
    trade_volume: float | None = None
    trade_time: Moment | None = None
    volume: float | None = None
    value: float | None = None
    volume_24h: float | None = None
    value_24h: float | None = None
    high_52w: float | None = None
    high_52w_date: str | None = None
    low_52w: float | None = None
    low_52w_date: str | None = None
    stream: str = "REALTIME"

    def __post_init__(self) -> None:
        # One of each symbol is kept; days and words are the same texts for all of them.
        self.symbol, self.stream = sys.intern(self.symbol), sys.intern(self.stream)
        if self.change is not None:
            self.change = sys.intern(self.change)
        if self.high_52w_date is not None:
            self.high_52w_date = sys.intern(self.high_52w_date)
        if self.low_52w_date is not None:
            self.low_52w_date = sys.intern(self.low_52w_date)

    @property
    def sent(self) -> int:
        """The moment the exchange made the message."""
        return self.time


class Trade(
    msgspec.Struct,
    gc=False,
    tag_field="ty",
    tag="trade",
    rename={
        "symbol": "cd",
        "time": "ttms",
        "sent": "tms",
        "price": "tp",
        "volume": "tv",
        "side": "ab",
        "prev_close": "pcp",
        "change": "c",
        "move": "cp",
        "sequential_id": "sid",
        "stream": "st",
    },
):
    """One trade at `time`; `sent` is when the message was made, `move` is absolute."""

    channel: ClassVar[str] = "trade"
    symbol: str
    time: Moment
    sent: Moment
    price: Positive
    volume: float
    side: str
    prev_close: float
    change: str
    move: float
    sequential_id: Number
    stream: str = "REALTIME"

    def __post_init__(self) -> None:
        # A hundred of each symbol are kept, which have these texts between them.
        self.symbol, self.stream = sys.intern(self.symbol), sys.intern(self.stream)
        self.change = sys.intern(self.change)
        if self.side:  # one that REST gave for a missed one may lack it
            self.side = sys.intern(self.side)

    @property
    def change_price(self) -> float:
        """The change against the day before, signed as in REST's trades."""
        return -self.move if self.change == "FALL" else self.move


class Unit(
    msgspec.Struct,
    gc=False,
    rename={"ask_price": "ap", "bid_price": "bp", "ask_size": "as", "bid_size": "bs"},
):
    """One level of a book, both sides; a price of 0 pads a side that has fewer orders."""

    ask_price: float
    bid_price: float
    ask_size: float
    bid_size: float


class _BookChannel:
    """The channel of a book: books with grouped prices are apart from the others."""

    def __get__(self, book: Book | None, _: type[Book] | None = None) -> str:
        return book_channel(book.level) if book is not None and book.level else "orderbook"


class Book(
    msgspec.Struct,
    gc=False,
    tag_field="ty",
    tag="orderbook",
    rename={
        "symbol": "cd",
        "time": "tms",
        "total_ask_size": "tas",
        "total_bid_size": "tbs",
        "units": "obu",
        "level": "lv",
        "stream": "st",
    },
):
    """A whole order book as of `time`, the last change."""

    channel: ClassVar[_BookChannel] = _BookChannel()
    symbol: str
    time: Moment
    total_ask_size: float
    total_bid_size: float
    units: list[Unit]
    level: float | None = None
    stream: str = "REALTIME"

    def __post_init__(self) -> None:
        self.symbol, self.stream = sys.intern(self.symbol), sys.intern(self.stream)

    @property
    def sent(self) -> int:
        """The moment the exchange made the message."""
        return self.time


class Candle(
    msgspec.Struct,
    gc=False,
    tag_field="ty",
    tag="candle",
    rename={
        "symbol": "cd",
        "opened": "cdttmu",
        "open": "op",
        "high": "hp",
        "low": "lp",
        "close": "tp",
        "volume": "catv",
        "value": "catp",
        "sent": "tms",
        "stream": "st",
    },
):
    """A candle as of `sent`, with all trades of the slot so far; `opened` as written."""

    channel: ClassVar[str] = "candle"
    symbol: str
    opened: str
    open: float
    high: float
    low: float
    close: float
    volume: float
    value: float
    sent: Moment
    stream: str = "REALTIME"

    def __post_init__(self) -> None:
        """Refuse numbers that are no candle, as the decoder of REST's does."""
        if not (
            0 < self.low <= self.open <= self.high >= self.close >= self.low
            and self.volume >= 0
            and self.value >= 0
        ):
            raise ValueError("prices or sums that no candle can have")
        _opened(self.opened)  # raises for what is no time
        # Some dozens of each symbol are kept, which have these texts between them.
        self.symbol, self.stream = sys.intern(self.symbol), sys.intern(self.stream)
        self.opened = sys.intern(self.opened)

    @property
    def time(self) -> int:
        """The start of the slot, ms UTC."""
        return _opened(self.opened)


@functools.cache
def book_channel(level: float) -> str:
    """Name the channel of books with prices in groups of `level`, each book's own for 0.

    >>> book_channel(10_000), book_channel(0)
    ('orderbook.10000', 'orderbook')
    """
    return f"orderbook.{level:.15g}" if level else "orderbook"


@functools.cache
def of_channel(kind: Hashable, channel: str) -> Any:
    """Give the kind of message that belongs to one of several channels, as `candle.1m`."""
    bases: Any = (kind,)
    named = {"channel": channel}
    return msgspec.defstruct(channel, (), bases=bases, gc=False, tag=channel, namespace=named)


def candle_of(channel: str) -> type[Candle]:
    """Give the kind of candle that belongs to a channel."""
    kind: type[Candle] = of_channel(Candle, channel)
    return kind


def spell_slot(start: int) -> str:
    """Spell where a candle's slot starts (ms UTC) as the stream does, in `Candle.opened`.

    >>> spell_slot(1_704_067_200_000)
    '2024-01-01T00:00:00'
    """
    return datetime.fromtimestamp(start // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def of_row(kind: type[M], rows: Sequence[Row]) -> M:
    """Make a message of a row; fields are columns."""
    (row,) = rows
    known: Any = kind
    return kind(**{name: row[name] for name in known.__struct_fields__})


def trade_of_row(kind: type[Trade], rows: Sequence[Row]) -> Trade:
    """Make a trade of a row, whose change is signed."""
    (row,) = rows
    change = row["change_price"]
    word = "EVEN" if change == 0 else "FALL" if change < 0 else "RISE"
    return of_row(kind, [{**row, "change": word, "move": abs(change)}])


def candle_of_row(kind: type[Candle], rows: Sequence[Row]) -> Candle:
    """Make a candle of a row, which has the time of the slot as a number."""
    (row,) = rows
    return of_row(kind, [{**row, "opened": spell_slot(row["time"])}])


def book_of_rows(kind: type[Book], rows: Sequence[Row]) -> Book:
    """Make a book of the rows of all levels; where a side has fewer, columns are null."""
    sides = ("ask_price", "bid_price", "ask_size", "bid_size")
    units = [Unit(*(row[side] or 0.0 for side in sides)) for row in rows]
    return of_row(kind, [{**rows[0], "units": units}])


@functools.lru_cache(maxsize=4096)  # slots of a day in minutes, and some of other widths
def _opened(text: str) -> int:
    return int(datetime.fromisoformat(text + "+00:00").timestamp()) * 1000
