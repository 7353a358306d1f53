"""Messages as a stream would bring them, and a board that a test writes on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from marketkit.exchange.upbit.messages import Book, Ticker, Trade, Unit, candle_of
from marketkit.realtime.connection import Timing
from marketkit.realtime.dispatcher import Dispatcher
from marketkit.recording.rows import Heard
from marketkit.timeframe import parse_time

START = parse_time("2026-11-20T05:00")


class Said(Dispatcher):
    """A board whose messages and clock are the test's."""

    def __init__(self) -> None:
        self.now = START
        super().__init__("a test", lambda: self.now, Timing())

    @property
    def alive(self) -> int:
        """Up to when nothing can be missing."""
        return self._alive

    def _wants(self, *, more: bool) -> None:
        del more

    def say(self, *messages: Any) -> None:
        """Bring messages."""
        for message in messages:
            self._tell(message)

    def break_off(self, reason: str) -> None:
        """Interrupt."""
        self._alive = self.now
        self._interrupted(reason)


@pytest.fixture
def board() -> Iterator[Said]:
    """A board at five o'clock."""
    return Said()


def trade(number: int, time: int = START, symbol: str = "KRW-BTC") -> Trade:
    """Make a trade."""
    return Trade(symbol, time, time + 3, 100.0 + number, 0.5, "BID", 99.0, "FALL", 2.0, number)


def heard_of_each_kind() -> dict[str, list[Heard]]:
    """Give two messages of every channel."""
    candle = candle_of("candle.60m")
    return {
        "trade": [Heard(START, trade(1)), Heard(START + 9, trade(2, symbol="KRW-ETH"))],
        "ticker": [
            Heard(
                START, Ticker("KRW-BTC", START - 5, 7.0, change="RISE", high_52w_date="2026-01-05")
            ),
            Heard(START + 1, Ticker("KRW-BTC", START, 8.0, stream="SNAPSHOT")),
        ],
        "orderbook": [
            Heard(
                START, Book("KRW-BTC", START, 1.0, 2.0, [Unit(3, 2, 1, 5), Unit(0, 1, 0, 4)], 0.0)
            ),
            Heard(
                START, Book("KRW-ETH", START, 1.0, 2.0, [Unit(3, 2, 1, 5)] * 3, None, "SNAPSHOT")
            ),
        ],
        "candle.60m": [
            Heard(START, candle("KRW-BTC", "2026-11-20T05:00:00", 2, 3, 1, 2, 1, 2, START)),
            Heard(START, candle("KRW-BTC", "2026-11-20T04:00:00", 2, 3, 1, 2, 1, 2, START)),
        ],
    }
