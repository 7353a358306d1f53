"""Which streams are wanted: counted consumers, and a while of grace after the last one. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from marketkit.exchange.upbit.stream import deep_code

LINGER = 180_000  # ms of the exchange's clock: a cell that is run again finds its stream


class Stream(NamedTuple):
    """One channel of one market, such as `ticker` of `KRW-BTC`."""

    channel: str
    symbol: str


def by_channel(streams: Iterable[Stream]) -> dict[str, list[str]]:
    """Give the symbols of every channel, in order."""
    found: dict[str, list[str]] = {}
    for stream in streams:
        found.setdefault(stream.channel, []).append(stream.symbol)
    return found


class Subscriptions:
    """Streams with the number of their consumers; messages neither keep nor end any.

    A stream whose last consumer let go ends `linger` milliseconds later, unless somebody wants it
    again. Times are those of the exchange, which callers pass in.
    """

    def __init__(self, linger: int = LINGER) -> None:
        self._linger = linger
        self._consumers: Counter[Stream] = Counter()
        self._left: dict[Stream, int] = {}
        self._depths: dict[Stream, Counter[int]] = {}  # consumers that want so many levels only

    def take(self, streams: Iterable[Stream], depth: int | None = None) -> bool:
        """Count one consumer more of each stream; say whether any was not wanted before.

        `depth` is how many levels of a book it wants, None for all.
        """
        news = False
        for stream in streams:
            before = self._code(stream) if stream in self else None
            if self._left.pop(stream, None) is not None:
                self._depths.pop(stream, None)
            self._consumers[stream] += 1
            if depth is not None:
                self._depths.setdefault(stream, Counter())[depth] += 1
            news |= before != self._code(stream)
        return news

    def release(self, streams: Iterable[Stream], now: int, depth: int | None = None) -> None:
        """Count one consumer less of each stream."""
        for stream in streams:
            self._consumers[stream] -= 1
            if self._consumers[stream] <= 0:
                self._left[stream] = now  # as deep as before, until the end
            elif depth is not None:
                self._depths[stream][depth] -= 1

    def expire(self, now: int) -> list[Stream]:
        """End the streams that nobody wanted for long enough, and list the ended ones."""
        ended = [stream for stream, left in self._left.items() if now - left >= self._linger]
        self._drop(ended)
        return ended

    def drop_unused(self) -> list[Stream]:
        """End every stream without a consumer at once, and list the ended ones."""
        ended = list(self._left)
        self._drop(ended)
        return ended

    def in_use(self) -> bool:
        """Say whether any stream has a consumer."""
        return len(self._left) < len(self._consumers)

    def wanted(self) -> dict[str, set[str]]:
        """Give the symbols of every channel that are to be streamed."""
        return {channel: set(several) for channel, several in by_channel(self._consumers).items()}

    def codes(self) -> dict[str, set[str]]:
        """Spell a code as the exchange does: `KRW-BTC.5` for a book of five levels."""
        channels: dict[str, set[str]] = {}
        for stream in self._consumers:
            channels.setdefault(stream.channel, set()).add(self._code(stream))
        return channels

    def _code(self, stream: Stream) -> str:
        """Spell the code of a stream, as deep as the most demanding consumer wants."""
        depths = +self._depths[stream] if stream in self._depths else Counter()
        whole = depths.total() < max(1, self._consumers[stream])
        return deep_code(stream.symbol, None if whole else max(depths))

    def _drop(self, ended: Iterable[Stream]) -> None:
        for stream in ended:
            del self._left[stream], self._consumers[stream]
            self._depths.pop(stream, None)

    def __len__(self) -> int:
        return len(self._consumers)

    def __contains__(self, stream: Stream | tuple[str, str]) -> bool:
        return stream in self._consumers
