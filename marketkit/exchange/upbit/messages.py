"""TODO."""

from __future__ import annotations

import functools
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar

import msgspec

_Positive = Annotated[float, msgspec.Meta(gt=0)]


class Ticker(msgspec.Struct, gc=False):
    """The state of a market's day; fields are the columns of `schema.TICKER`, times ms UTC."""

    channel: ClassVar[str] = "ticker"
    symbol: str
    time: int
    price: _Positive
    open: float | None = None
    high: float | None = None
    low: float | None = None
    prev_close: float | None = None
    change: str | None = None
    signed_change_price: float | None = None
    signed_change_rate: float | None = None
    trade_volume: float | None = None
    trade_time: int | None = None
    volume: float | None = None
    value: float | None = None
    volume_24h: float | None = None
    value_24h: float | None = None
    high_52w: float | None = None
    high_52w_date: str | None = None
    low_52w: float | None = None
    low_52w_date: str | None = None
    stream: str = "REALTIME"


class Trade(msgspec.Struct, gc=False):
    """One trade; `time` is when it happened, `sent` when the message was made, `move` absolute."""

    channel: ClassVar[str] = "trade"
    symbol: str
    time: int
    sent: int
    price: _Positive
    volume: float
    side: str
    prev_close: float
    change: str
    move: float
    sequential_id: int
    stream: str = "REALTIME"

    @property
    def change_price(self) -> float:
        """The change against the day before, signed as in REST's trades."""
        return -self.move if self.change == "FALL" else self.move


class Unit(msgspec.Struct, gc=False):
    """One level of a book, both sides; a price of 0 pads a side that has fewer orders."""

    ask_price: float
    bid_price: float
    ask_size: float
    bid_size: float


class Book(msgspec.Struct, gc=False):
    """A whole order book as of `time`, its last change."""

    channel: ClassVar[str] = "orderbook"
    symbol: str
    time: int
    total_ask_size: float
    total_bid_size: float
    units: list[Unit]
    level: float | None = None
    stream: str = "REALTIME"


class Candle(msgspec.Struct, gc=False):
    """A candle as of `sent`: it holds all of its slot's trades so far; `opened` as written."""

    channel: ClassVar[str] = "candle"
    symbol: str
    opened: str
    open: float
    high: float
    low: float
    close: float
    volume: float
    value: float
    sent: int
    stream: str = "REALTIME"

    def __post_init__(self) -> None:
        """Refuse what can be no candle, as the decoder of REST's does."""
        if not (
            0 < self.low <= self.open <= self.high >= self.close >= self.low
            and self.volume >= 0
            and self.value >= 0
        ):
            raise ValueError("prices or sums that no candle can have")

    @property
    def time(self) -> int:
        """Where its slot starts, ms UTC."""
        return _opened(self.opened)


Message = Ticker | Trade | Book | Candle


def sent(message: Message) -> int:
    """Give when the exchange made a message, ms UTC."""
    return message.sent if isinstance(message, Trade | Candle) else message.time


@functools.cache
def candle_of(channel: str) -> type[Candle]:
    """Give the kind of candle that belongs to a channel, for candles that were not on the wire."""
    name, namespace = f"Candle_{channel}", {"channel": channel}
    made: Any = msgspec.defstruct(name, (), bases=(Candle,), gc=False, namespace=namespace)
    kind: type[Candle] = made
    return kind


def spell_slot(start: int) -> str:
    """Spell where a candle's slot starts (ms UTC) as the stream does, in `Candle.opened`.

    >>> spell_slot(1_704_067_200_000)
    '2024-01-01T00:00:00'
    """
    return datetime.fromtimestamp(start // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")


@functools.lru_cache(maxsize=4096)
def _opened(text: str) -> int:
    return int(datetime.fromisoformat(text + "+00:00").timestamp()) * 1000
