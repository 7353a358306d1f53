"""Which streams are wanted: counted consumers, and a while of grace after the last one. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

LINGER = 180_000  # ms of the exchange's clock: a cell that is run again finds its stream


class Stream(NamedTuple):
    """One channel of one market, such as `ticker` of `KRW-BTC`."""

    channel: str
    symbol: str


class Subscriptions:
    """Streams with the number of their consumers; messages neither keep nor end any.

    A stream whose last consumer let go ends `linger` milliseconds later, unless somebody wants it
    again. Times are those of the exchange, which callers pass in.
    """

    def __init__(self, linger: int = LINGER) -> None:
        self._linger = linger
        self._consumers: Counter[Stream] = Counter()
        self._left: dict[Stream, int] = {}

    def take(self, streams: Iterable[Stream]) -> bool:
        """Count one consumer more of each stream; say whether any was not wanted before."""
        before = len(self)
        for stream in streams:
            self._left.pop(stream, None)
            self._consumers[stream] += 1
        return len(self) > before

    def release(self, streams: Iterable[Stream], now: int) -> None:
        """Count one consumer less of each stream."""
        for stream in streams:
            self._consumers[stream] -= 1
            if self._consumers[stream] <= 0:
                self._left[stream] = now

    def expire(self, now: int) -> list[Stream]:
        """End the streams that nobody wanted for long enough, and list the ended ones."""
        ended = [stream for stream, left in self._left.items() if now - left >= self._linger]
        for stream in ended:
            del self._left[stream], self._consumers[stream]
        return ended

    def drop_unused(self) -> list[Stream]:
        """End every stream without a consumer at once, and list the ended ones."""
        ended = list(self._left)
        for stream in ended:
            del self._left[stream], self._consumers[stream]
        return ended

    def in_use(self) -> bool:
        """Say whether any stream has a consumer."""
        return len(self._left) < len(self._consumers)

    def wanted(self) -> dict[str, set[str]]:
        """Give the symbols of every channel that are to be streamed."""
        channels: dict[str, set[str]] = {}
        for channel, symbol in self._consumers:
            channels.setdefault(channel, set()).add(symbol)
        return channels

    def __len__(self) -> int:
        return len(self._consumers)

    def __contains__(self, stream: Stream) -> bool:
        return stream in self._consumers
