"""The streams of pyupbit: the exchange's messages, one after another, from a feed of marketkit."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import polars as pl

from marketkit.api.sync import default_provider
from marketkit.compat import wire
from marketkit.errors import InputError
from marketkit.realtime.feed import Feed


class Queue(Protocol):
    """A queue that messages can be put into."""

    def put(self, item: Any) -> Any:
        """Take a message in."""


class WebSocketManager:
    """Messages of the exchange's stream: `WebSocketManager("ticker", ["KRW-BTC"]).get()`.

    `type` is `ticker`, `trade` or `orderbook`. `get` waits for the next message, a dictionary in
    the stream's field names, and `terminate` ends it. Here nothing is another process, the stream
    comes back by itself, and missed trades are fetched; of tickers and books that nobody took in
    time the newest of each market is left. `qsize` bounds nothing.
    """

    def __init__(self, type: str, codes: Sequence[str], qsize: int = 1000) -> None:  # noqa: A002
        self.type = type
        self.codes = list(codes)
        self.alive = False
        self._feed: Feed[pl.DataFrame] | None = None
        self._waiting: deque[dict[str, Any]] = deque()

    def get(self) -> dict[str, Any]:
        """Wait for the next message. Raises `InputError` after `terminate`."""
        if self._feed is None:
            feed = default_provider().watch(self.codes, self.type, frame="polars", tz="UTC")
            self._feed, self.alive = feed, True
        while not self._waiting:
            try:
                frame = self._feed.next()
            except StopIteration:
                raise InputError("this WebSocketManager was terminated: make another") from None
            self._waiting.extend(messages(self.type, frame))
        return self._waiting.popleft()

    def terminate(self) -> None:
        """End the stream."""
        self.alive = False
        if self._feed is not None:
            self._feed.close()


class WebSocketClient:
    """A stream that fills a queue: `WebSocketClient("ticker", ["KRW-BTC"], queue)` never returns.

    It is made to be run beside the rest of a program, in a thread, or in a process of its own that
    was spawned.
    """

    def __init__(self, type: str, codes: Sequence[str], queue: Queue) -> None:  # noqa: A002
        self.type = type
        self.codes = list(codes)
        self.queue = queue
        self.run()

    def run(self) -> None:
        """Put one message after another."""
        manager = WebSocketManager(self.type, self.codes)
        while True:
            self.queue.put(manager.get())


def messages(channel: str, frame: pl.DataFrame) -> Iterable[dict[str, Any]]:
    """Write the rows of a feed as messages of the stream.

    Fields that our frames do not have are left out: the volumes of either side, the state of the
    market, `stream_type`, the best prices beside a trade.
    """
    if channel == "orderbook":
        return map(_coded("orderbook"), wire.books(frame))
    rows = frame.iter_rows(named=True)
    if channel == "trade":
        return map(_trade, rows)
    return map(_coded("ticker"), map(wire.ticker, rows))


def _coded(kind: str) -> Any:
    def coded(told: dict[str, Any]) -> dict[str, Any]:
        code = told.pop("market")
        korean = ("trade_date_kst", "trade_time_kst")  # of REST alone
        rest = {name: value for name, value in told.items() if name not in korean}
        return {"type": kind, "code": code, **rest}

    return coded


def _trade(row: wire.Row) -> dict[str, Any]:
    told, change = wire.trade(row), row["change_price"]
    return {
        "type": "trade",
        "code": told["market"],
        "timestamp": told["timestamp"],
        "trade_date": told["trade_date_utc"],
        "trade_time": told["trade_time_utc"],
        "trade_timestamp": told["timestamp"],
        "trade_price": told["trade_price"],
        "trade_volume": told["trade_volume"],
        "ask_bid": told["ask_bid"],
        "prev_closing_price": told["prev_closing_price"],
        "change": "RISE" if change > 0 else "FALL" if change < 0 else "EVEN",
        "change_price": abs(change),
        "sequential_id": told["sequential_id"],
    }
