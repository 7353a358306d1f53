"""Stores of the newest messages of each channel. Use on the engine's loop."""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import polars as pl

from marketkit.errors import NetworkError
from marketkit.exchange.upbit.channels import ChannelSpec, Keeps, spec_of
from marketkit.exchange.upbit.messages import Candle, Message
from marketkit.realtime.candles import EARLY, CandleBook
from marketkit.schema import STATE
from marketkit.timeframe import DAY

Clock = Callable[[], int]
EVENTS_KEPT = 100  # of each symbol; as many trades as most calls ask for


class Listener(Protocol):
    """A listener to streams."""

    def receive(self, message: Message) -> None:
        """Take news."""

    def interrupted(self, until: int, reason: str, symbol: str | None = None) -> None:
        """Learn that messages after `until` may be lost, of all symbols or of one `symbol`.

        `until` is ms UTC of the exchange's clock.
        """

    def unopened(self, why: NetworkError) -> None:
        """Learn of a long time without a connection; attempts go on."""


class Channel(Protocol):
    """The store of one channel of many symbols."""

    coalesces: bool  # whether the newest message makes those before it superfluous

    def add(self, message: Message) -> bool:
        """Take a message and say whether that is news."""

    def known(self, symbols: Iterable[str]) -> Sequence[Message]:
        """Give the known messages of symbols, in the order of their frame."""

    def frame(self, messages: Iterable[Message]) -> pl.DataFrame:
        """Lay messages of this channel out as a frame."""

    def fresh(self, symbol: str) -> Message | None:
        """Give the newest message of a symbol if none after that can be missing."""

    def whole(self, symbol: str, now: int) -> int:
        """Count the newest rows of a symbol among and after which none can be missing.

        `now` is the exchange's time, ms UTC.
        """

    def newest(self, symbols: Iterable[str], rows: int) -> pl.DataFrame:
        """Give the newest rows of each symbol, sorted by symbol, in the order of their frame."""

    def interrupted(self, symbol: str | None = None) -> None:
        """Learn that messages may be missing: of one symbol, or of all."""

    def forget(self, symbol: str) -> None:
        """Drop all messages of a symbol."""


class NewestChannel:
    """Channels of which only the newest message of a symbol matters."""

    coalesces = True

    def __init__(self, spec: ChannelSpec, clock: Clock) -> None:
        self._spec = spec
        self._clock = clock
        self._newest: dict[str, Message] = {}
        self._stale: set[str] = set()  # those after whose newest message some may be missing

    def add(self, message: Message) -> bool:
        """Take a message and say whether that is news."""
        symbol = message.symbol
        known = self._newest.get(symbol)
        if (
            known is not None
            and message.time < known.time
            and known.time <= max(message.time, self._clock()) + EARLY
        ):
            return False  # overtaken by a later one
        self._newest[symbol] = message
        self._stale.discard(symbol)
        return True

    def known(self, symbols: Iterable[str]) -> Sequence[Message]:
        """Give the known messages of symbols, in the order of their frame."""
        found = map(self._newest.get, sorted(symbols))
        return [message for message in found if message is not None]

    def frame(self, messages: Iterable[Message]) -> pl.DataFrame:
        """Lay messages out as a frame."""
        return self._spec.frame(messages)

    def fresh(self, symbol: str) -> Message | None:
        """Give the newest message of a symbol if none after that can be missing."""
        return None if symbol in self._stale else self._newest.get(symbol)

    def whole(self, symbol: str, now: int) -> int:
        """Count the newest rows of a symbol among and after which none can be missing.

        A message that answers for a while only does so on its own UTC day, whose sums it has.
        """
        message, spec = self.fresh(symbol), self._spec
        if message is None:
            return 0
        if spec.lifetime is not None and (
            message.time // DAY != now // DAY or now - message.time >= spec.lifetime
        ):
            return 0
        return 1 if spec.parts is None else len(getattr(message, spec.parts))

    def newest(self, symbols: Iterable[str], rows: int) -> pl.DataFrame:
        """Give the newest rows of each symbol, sorted by symbol: the best levels, or all."""
        if self._spec.parts is None:
            return self.frame(self.known(symbols))
        return self._spec.frame(self.known(symbols), depth=rows)

    def interrupted(self, symbol: str | None = None) -> None:
        """Learn that messages may be missing: of one symbol, or of all."""
        if symbol is None:
            self._stale = set(self._newest)
        elif symbol in self._newest:
            self._stale.add(symbol)

    def forget(self, symbol: str) -> None:
        """Drop all messages of a symbol."""
        self._newest.pop(symbol, None)
        self._stale.discard(symbol)


class EventChannel:
    """The newest events of each symbol; one that comes twice, as after a reconnect, is one."""

    coalesces = False

    def __init__(self, spec: ChannelSpec, _: Clock) -> None:
        self._spec = spec
        self._key = operator.attrgetter(spec.key or "time")
        self._order = operator.attrgetter("time", spec.key or "time")
        self._events: dict[str, dict[int, Any]] = {}
        self._whole: dict[str, int] = {}

    def add(self, message: Message) -> bool:
        """Take a message and say whether that is news."""
        symbol, key = message.symbol, self._key(message)
        own = self._events.get(symbol)
        if own is None:
            own = self._events[symbol] = {}
        elif key in own:
            if message.stream == "SNAPSHOT":  # the last event is one that is known
                self._whole.setdefault(symbol, 1)
            return False
        own[key] = message
        if len(own) > EVENTS_KEPT:
            del own[next(iter(own))]
        # A last event that nobody was told of may not be the only one.
        before = 0 if message.stream == "SNAPSHOT" else self._whole.get(symbol, 0)
        if before < EVENTS_KEPT:
            self._whole[symbol] = before + 1
        return True

    def recover(self, symbol: str, events: Iterable[Message], *, whole: bool) -> None:
        """Take missed events, oldest first; `whole` if none between is missing."""
        before = self._events.get(symbol, {})
        ordered = sorted(
            {**before, **{self._key(each): each for each in events}}.values(), key=self._order
        )
        kept = {self._key(event): event for event in ordered[-EVENTS_KEPT:]}
        self._events[symbol] = kept
        if whole:
            new = sum(number not in before for number in kept)
            self._whole[symbol] = min(self._whole.get(symbol, 0) + new, len(kept))

    def known(self, symbols: Iterable[str]) -> Sequence[Any]:
        """Give the known messages of symbols, in the order of their frame."""
        # All of a symbol at once, for another thread may read while messages come.
        own = (list(self._events.get(each, {}).values()) for each in sorted(symbols))
        return [event for several in own for event in sorted(several, key=self._order)]

    def frame(self, messages: Iterable[Message]) -> pl.DataFrame:
        """Lay messages out as a frame."""
        return self._spec.frame(messages)

    def fresh(self, _: str) -> None:
        """Give nothing: one event is no state."""

    def whole(self, symbol: str, _: int) -> int:
        """Count the newest rows of a symbol among and after which none can be missing."""
        return self._whole.get(symbol, 0)

    def newest(self, symbols: Iterable[str], rows: int) -> pl.DataFrame:
        """Give the newest rows of each symbol, sorted by symbol and time."""
        return self.frame(each for name in sorted(symbols) for each in self.known([name])[-rows:])

    def interrupted(self, symbol: str | None = None) -> None:
        """Learn that messages may be missing: of one symbol, or of all."""
        if symbol is None:
            self._whole.clear()
        else:
            self._whole.pop(symbol, None)

    def forget(self, symbol: str) -> None:
        """Drop all messages of a symbol."""
        self._events.pop(symbol, None)
        self._whole.pop(symbol, None)


class SlotChannel:
    """The newest candles of each symbol; all but the newest of a symbol have come to their end."""

    coalesces = False

    def __init__(self, spec: ChannelSpec, clock: Clock) -> None:
        self._spec = spec
        self._book = CandleBook(clock)
        self._stale: dict[str, Candle] = {}
        self._since: dict[str, int] = {}

    def add(self, message: Candle) -> bool:
        """Take a message and say whether that is news."""
        if message.stream == "SNAPSHOT":
            # Its candle has all trades of its slot, and every later candle will be told.
            self._since.setdefault(message.symbol, message.time)
        return self._book.add(message) != "none"

    def known(self, symbols: Iterable[str]) -> Sequence[Candle]:
        """Give the known messages of symbols, in the order of their frame."""
        return [candle for each in sorted(symbols) for candle in self._book.of(each)]

    def frame(self, messages: Iterable[Candle], over: int = -1) -> pl.DataFrame:
        """Lay candles out as `schema.CANDLE`: the newest of a symbol is still forming.

        Slots up to the one that starts at `over` (ms UTC) are closed all the same.
        """
        rows = list(messages)
        newest = self._book.newest
        forming = [over < row.time == newest(row.symbol) for row in rows]
        states = ["forming" if each else "closed" for each in forming]
        return self._spec.frame(rows).with_columns(pl.Series("state", states, STATE))

    def fresh(self, symbol: str) -> Candle | None:
        """Give the newest candle of a symbol if none after that can be missing."""
        candle = self._book.newest_of(symbol)
        return None if candle is self._stale.get(symbol) else candle

    def whole(self, symbol: str, _: int) -> int:
        """Count the newest rows of a symbol among and after which none can be missing."""
        since = self._since.get(symbol)
        return 0 if since is None else self._book.count(symbol, since)

    def newest(self, symbols: Iterable[str], rows: int) -> pl.DataFrame:
        """Give the newest rows of each symbol, sorted by symbol and time."""
        return self.frame(each for name in sorted(symbols) for each in self._book.of(name, rows))

    def interrupted(self, symbol: str | None = None) -> None:
        """Learn that messages may be missing: of one symbol, or of all."""
        if symbol is None:
            self._stale = self._book.last()
            self._since.clear()
        elif (candle := self._book.newest_of(symbol)) is not None:
            self._stale[symbol] = candle
            self._since.pop(symbol, None)

    def forget(self, symbol: str) -> None:
        """Drop all messages of a symbol."""
        self._book.forget(symbol)
        self._since.pop(symbol, None)


_STORES: dict[Keeps, Callable[[ChannelSpec, Clock], Any]] = {
    "newest": NewestChannel,
    "events": EventChannel,
    "slots": SlotChannel,
}


def channel_of(name: str, clock: Clock = lambda: sys.maxsize) -> Channel:
    """Make the store of a channel by the stream's own name.

    `clock` gives the exchange's time in ms UTC; by default nothing is ahead of it.
    """
    spec = spec_of(name)
    store: Channel = _STORES[spec.keeps](spec, clock)
    return store
