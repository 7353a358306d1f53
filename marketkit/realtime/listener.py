"""The listener of a feed, between streams and the consumers of the feed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

import polars as pl

from marketkit.errors import NetworkError
from marketkit.exchange.upbit.messages import Message
from marketkit.net.handle import Interruption
from marketkit.realtime.consumers import Broadcast

INTERRUPTIONS_KEPT = 1000  # a year of three a day


class FeedListener:
    """Passes messages on to the consumers of a feed, which can be forgotten meanwhile."""

    def __init__(self) -> None:
        self.broadcast = Broadcast()
        self.failure: Exception | None = None
        self._interruptions: deque[Interruption] = deque(maxlen=INTERRUPTIONS_KEPT)

    @property
    def interruptions(self) -> list[Interruption]:
        """The interruptions so far."""
        return list(self._interruptions)

    def receive(self, message: Message) -> None:
        """Pass an event on."""
        self.broadcast.put(message)

    def interrupted(self, until: int, reason: str, symbol: str | None = None) -> None:
        """Remember that events may be missing: of all symbols, or one that the reason names."""
        del symbol
        self._interruptions.append(Interruption(until, None, reason))

    def unopened(self, why: NetworkError) -> None:
        """Have everybody who waits for an event raise why none comes; who comes back waits on."""
        self.broadcast.fail(why)

    def lay(self, store: Any, messages: Sequence[Any]) -> pl.DataFrame:
        """Lay messages of the store of their channel out as a frame, as of now."""
        frame: pl.DataFrame = store.frame(messages)
        return frame

    def join(self, symbols: Iterable[str]) -> None:
        """Expect messages of more symbols."""

    def leave(self, symbol: str, now: int, why: str) -> None:
        """Remember that a symbol has ended; no more will come."""
        del symbol
        self._interruptions.append(Interruption(now, now, why, closed=now))

    async def finish(self, failure: Exception | None) -> None:
        """End every iteration, for no more events will come; `failure` is why if nobody wished."""
        self.failure = self.failure or failure
        self.broadcast.close(failure)
