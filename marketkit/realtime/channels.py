"""What is known of each channel now, and who listens to it. Use it on the engine's loop."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Generic, Protocol, TypeVar

import polars as pl

from marketkit.exchange.upbit import frames as upbit_frames
from marketkit.exchange.upbit.messages import Book, Candle, Message, Ticker, Trade
from marketkit.realtime.candles import CandleBook
from marketkit.schema import STATE
from marketkit.timeframe import DAY, MINUTE

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

    def whole(self, symbol: str, now: int) -> int:
        """Count the newest rows of a symbol among and after which none can be missing.

        `now` is the exchange's time, ms UTC.
        """

    def newest(self, symbols: Iterable[str], rows: int) -> pl.DataFrame:
        """Give the newest rows of each symbol, sorted by symbol, in the order of their frame."""

    def interrupted(self) -> None:
        """Learn that messages may be missing."""

    def forget(self, symbol: str) -> None:
        """Drop what is known of a symbol."""


State = TypeVar("State", Ticker, Book)


class _Newest(Generic[State]):
    """Channels of which only the newest message of a symbol matters."""

    coalesces = True

    def __init__(self) -> None:
        self._newest: dict[str, State] = {}
        self._stale: dict[str, State] = {}

    def add(self, message: State) -> bool:
        """Take a message and say whether it is news."""
        known = self._newest.get(message.symbol)
        if known is not None and message.time < known.time:
            return False  # overtaken by a later one
        self._newest[message.symbol] = message
        return True

    def known(self, symbols: Iterable[str]) -> Sequence[State]:
        """Give what is known of symbols, in the order of their frame."""
        found = map(self._newest.get, sorted(symbols))
        return [message for message in found if message is not None]

    def fresh(self, symbol: str) -> State | None:
        """Give the newest message of a symbol if none after it can be missing."""
        message = self._newest.get(symbol)
        return None if message is self._stale.get(symbol) else message

    def interrupted(self) -> None:
        """Learn that messages may be missing."""
        self._stale = dict(self._newest)

    def forget(self, symbol: str) -> None:
        """Drop what is known of a symbol."""
        self._newest.pop(symbol, None)


class TickerChannel(_Newest[Ticker]):
    """The newest ticker of each symbol."""

    frame = staticmethod(upbit_frames.ticker_frame)

    def whole(self, symbol: str, now: int) -> int:
        """Count the newest rows of a symbol among and after which none can be missing.

        Sums over a day and 24 hours change by themselves, without a message: a ticker is as good
        as REST's for a minute, and on its own UTC day.
        """
        message = self.fresh(symbol)
        if message is None or message.time // DAY != now // DAY:
            return 0
        return int(now - message.time < MINUTE)

    def newest(self, symbols: Iterable[str], _: int) -> pl.DataFrame:
        """Give the newest row of each symbol, sorted by symbol."""
        return upbit_frames.ticker_frame(self.known(symbols))


class BookChannel(_Newest[Book]):
    """The newest order book of each symbol."""

    frame = staticmethod(upbit_frames.orderbook_frame)

    def whole(self, symbol: str, _: int) -> int:
        """Count the newest rows of a symbol among and after which none can be missing."""
        message = self.fresh(symbol)
        return 0 if message is None else len(message.units)

    def newest(self, symbols: Iterable[str], rows: int) -> pl.DataFrame:
        """Give the best `rows` levels of each symbol, sorted by symbol."""
        return upbit_frames.orderbook_frame(self.known(symbols), depth=rows)


class TradeChannel:
    """The newest trades of each symbol; one that comes twice, as after a reconnect, is one."""

    coalesces = False
    frame = staticmethod(upbit_frames.trade_frame)

    def __init__(self) -> None:
        self._trades: dict[str, dict[int, Trade]] = {}
        self._whole: dict[str, int] = {}

    def add(self, message: Trade) -> bool:
        """Take a message and say whether it is news."""
        symbol = message.symbol
        own = self._trades.setdefault(symbol, {})
        if message.sequential_id in own:
            if message.stream == "SNAPSHOT":  # the last trade is one that is known
                self._whole.setdefault(symbol, 1)
            return False
        own[message.sequential_id] = message
        if len(own) > TRADES_KEPT:
            del own[next(iter(own))]
        # A last trade that nobody was told of may not be the only one.
        before = 0 if message.stream == "SNAPSHOT" else self._whole.get(symbol, 0)
        self._whole[symbol] = min(before + 1, TRADES_KEPT)
        return True

    def mend(self, symbol: str, trades: Iterable[Trade], *, whole: bool) -> None:
        """Take trades that were missed, oldest first; `whole` if none among them is missing."""
        before = self._trades.get(symbol, {})
        ordered = sorted(
            {**before, **{each.sequential_id: each for each in trades}}.values(),
            key=lambda trade: (trade.time, trade.sequential_id),
        )
        kept = {trade.sequential_id: trade for trade in ordered[-TRADES_KEPT:]}
        self._trades[symbol] = kept
        if whole:
            new = sum(number not in before for number in kept)
            self._whole[symbol] = min(self._whole.get(symbol, 0) + new, len(kept))

    def known(self, symbols: Iterable[str]) -> Sequence[Trade]:
        """Give what is known of symbols, in the order of their frame."""
        found = (
            trade for each in sorted(symbols) for trade in list(self._trades.get(each, {}).values())
        )
        return sorted(found, key=lambda trade: (trade.symbol, trade.time, trade.sequential_id))

    def fresh(self, _: str) -> None:
        """Give nothing: one event is no state."""

    def whole(self, symbol: str, _: int) -> int:
        """Count the newest rows of a symbol among and after which none can be missing."""
        return self._whole.get(symbol, 0)

    def newest(self, symbols: Iterable[str], rows: int) -> pl.DataFrame:
        """Give the newest rows of each symbol, sorted by symbol and time."""
        return self.frame(each for name in sorted(symbols) for each in self.known([name])[-rows:])

    def interrupted(self) -> None:
        """Learn that messages may be missing."""
        self._whole.clear()

    def forget(self, symbol: str) -> None:
        """Drop what is known of a symbol."""
        self._trades.pop(symbol, None)
        self._whole.pop(symbol, None)


class CandleChannel:
    """The newest candles of each symbol; all but the newest of a symbol have come to their end."""

    coalesces = False

    def __init__(self) -> None:
        self._book = CandleBook()
        self._stale: dict[str, Candle] = {}
        self._since: dict[str, int] = {}

    def add(self, message: Candle) -> bool:
        """Take a message and say whether it is news."""
        if message.stream == "SNAPSHOT":
            # Its candle has all trades of its slot, and every later candle will be told.
            self._since.setdefault(message.symbol, message.time)
        return self._book.add(message) != "none"

    def known(self, symbols: Iterable[str]) -> Sequence[Candle]:
        """Give what is known of symbols, in the order of their frame."""
        return [candle for each in sorted(symbols) for candle in self._book.of(each)]

    def frame(self, messages: Iterable[Candle]) -> pl.DataFrame:
        """Lay candles out as `schema.CANDLE`: the newest of a symbol is still forming."""
        rows = list(messages)
        newest = self._book.newest
        states = ["forming" if row.time == newest(row.symbol) else "closed" for row in rows]
        return upbit_frames.candle_frame(rows).with_columns(pl.Series("state", states, STATE))

    def fresh(self, symbol: str) -> Candle | None:
        """Give the newest candle of a symbol if none after it can be missing."""
        candle = self._book.newest_of(symbol)
        return None if candle is self._stale.get(symbol) else candle

    def whole(self, symbol: str, _: int) -> int:
        """Count the newest rows of a symbol among and after which none can be missing."""
        since = self._since.get(symbol)
        if since is None:
            return 0
        return sum(candle.time >= since for candle in self._book.of(symbol))

    def newest(self, symbols: Iterable[str], rows: int) -> pl.DataFrame:
        """Give the newest rows of each symbol, sorted by symbol and time."""
        return self.frame(each for name in sorted(symbols) for each in self._book.of(name)[-rows:])

    def interrupted(self) -> None:
        """Learn that messages may be missing."""
        self._stale = self._book.last()
        self._since.clear()

    def forget(self, symbol: str) -> None:
        """Drop what is known of a symbol."""
        self._book.forget(symbol)
        self._since.pop(symbol, None)


def channel_of(name: str) -> Channel:
    """Make the store of a channel by the stream's name of it."""
    kinds: dict[str, type] = {
        "ticker": TickerChannel,
        "orderbook": BookChannel,
        "trade": TradeChannel,
    }
    made: Channel = kinds.get(name, CandleChannel)()
    return made
