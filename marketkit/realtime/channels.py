"""What is known of each channel now, and who listens to it. Use it on the engine's loop."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import polars as pl

from marketkit.exchange import upbit_stream as stream
from marketkit.exchange.upbit_stream import Book, Candle, Message, Ticker, Trade
from marketkit.realtime.candles import CandleBook
from marketkit.schema import STATE

TRADES_KEPT = 100  # of each symbol


class Listener(Protocol):
    """Somebody who is told what streams bring."""

    def receive(self, message: Message) -> None:
        """Take news."""

    def interrupted(self, until: int, reason: str) -> None:
        """Learn that what the exchange said after `until` (ms UTC, its clock) may be lost."""


class Channel(Protocol):
    """What is known of one channel of many symbols."""

    coalesces: bool  # whether the newest message makes those before it superfluous

    def add(self, message: Message) -> bool:
        """Take a message and say whether it is news."""

    def known(self, symbols: Iterable[str]) -> Sequence[Message]:
        """Give what is known of symbols, in the order of their frame."""

    def frame(self, messages: Iterable[Message]) -> pl.DataFrame:
        """Lay messages of this channel out as a frame."""

    def fresh(self, symbol: str) -> Message | None:
        """Give the newest message of a symbol if none after it can be missing."""

    def interrupted(self) -> None:
        """Learn that messages may be missing."""

    def forget(self, symbol: str) -> None:
        """Drop what is known of a symbol."""


class _Newest:
    """Channels of which only the newest message of a symbol matters."""

    coalesces = True

    def __init__(self) -> None:
        self._newest: dict[str, Ticker | Book] = {}
        self._stale: dict[str, Ticker | Book] = {}

    def add(self, message: Ticker | Book) -> bool:
        """Take a message and say whether it is news."""
        known = self._newest.get(message.symbol)
        if known is not None and message.time < known.time:
            return False  # overtaken by a later one
        self._newest[message.symbol] = message
        return True

    def known(self, symbols: Iterable[str]) -> Sequence[Ticker | Book]:
        """Give what is known of symbols, in the order of their frame."""
        return [self._newest[each] for each in sorted(symbols) if each in self._newest]

    def fresh(self, symbol: str) -> Ticker | Book | None:
        """Give the newest message of a symbol if none after it can be missing."""
        message = self._newest.get(symbol)
        return None if message is self._stale.get(symbol) else message

    def interrupted(self) -> None:
        """Learn that messages may be missing."""
        self._stale = dict(self._newest)

    def forget(self, symbol: str) -> None:
        """Drop what is known of a symbol."""
        self._newest.pop(symbol, None)


class Tickers(_Newest):
    """The newest ticker of each symbol."""

    frame = staticmethod(stream.ticker_frame)


class Books(_Newest):
    """The newest order book of each symbol."""

    frame = staticmethod(stream.orderbook_frame)


class Trades:
    """The newest trades of each symbol; one that comes twice, as after a reconnect, is one."""

    coalesces = False
    frame = staticmethod(stream.trade_frame)

    def __init__(self) -> None:
        self._trades: dict[str, dict[int, Trade]] = {}

    def add(self, message: Trade) -> bool:
        """Take a message and say whether it is news."""
        own = self._trades.setdefault(message.symbol, {})
        if message.sequential_id in own:
            return False
        own[message.sequential_id] = message
        if len(own) > TRADES_KEPT:
            del own[next(iter(own))]
        return True

    def known(self, symbols: Iterable[str]) -> Sequence[Trade]:
        """Give what is known of symbols, in the order of their frame."""
        found = (
            trade for each in sorted(symbols) for trade in list(self._trades.get(each, {}).values())
        )
        return sorted(found, key=lambda trade: (trade.symbol, trade.time, trade.sequential_id))

    def fresh(self, _: str) -> None:
        """Give nothing: one event is no state."""

    def interrupted(self) -> None:
        """Do nothing: events stay true."""

    def forget(self, symbol: str) -> None:
        """Drop what is known of a symbol."""
        self._trades.pop(symbol, None)


class Candles:
    """The newest candles of each symbol; all but the newest of a symbol have come to their end."""

    coalesces = False

    def __init__(self) -> None:
        self._book = CandleBook()
        self._stale: dict[str, Candle] = {}

    def add(self, message: Candle) -> bool:
        """Take a message and say whether it is news."""
        return self._book.add(message) != "none"

    def known(self, symbols: Iterable[str]) -> Sequence[Candle]:
        """Give what is known of symbols, in the order of their frame."""
        return [candle for each in sorted(symbols) for candle in self._book.of(each)]

    def frame(self, messages: Iterable[Candle]) -> pl.DataFrame:
        """Lay candles out as `schema.CANDLE`: the newest of a symbol is still forming."""
        rows = list(messages)
        newest = self._book.newest
        states = ["forming" if row.time == newest(row.symbol) else "closed" for row in rows]
        return stream.candle_frame(rows).with_columns(pl.Series("state", states, STATE))

    def fresh(self, symbol: str) -> Candle | None:
        """Give the newest candle of a symbol if none after it can be missing."""
        candle = self._book.newest_of(symbol)
        return None if candle is self._stale.get(symbol) else candle

    def interrupted(self) -> None:
        """Learn that messages may be missing."""
        self._stale = self._book.last()

    def forget(self, symbol: str) -> None:
        """Drop what is known of a symbol."""
        self._book.forget(symbol)


def channel_of(name: str) -> Channel:
    """Make the store of a channel by the stream's name of it."""
    kinds: dict[str, type] = {"ticker": Tickers, "orderbook": Books, "trade": Trades}
    made: Channel = kinds.get(name, Candles)()
    return made
