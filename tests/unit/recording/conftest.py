"""Messages as a stream would bring them, and a dispatcher that a test tells them."""

from __future__ import annotations

import pytest

from marketkit.exchange.upbit.messages import Book, Ticker, Trade, Unit, candle_of
from marketkit.recording.rows import Heard
from marketkit.timeframe import parse_time
from tests.unit.realtime.conftest import Told

START = parse_time("2026-11-20T05:00")


@pytest.fixture
def dispatcher() -> Told:
    """A dispatcher at five o'clock."""
    return Told(START)


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
