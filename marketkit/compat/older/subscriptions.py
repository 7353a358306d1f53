"""Feeds of today as subscriptions of the older provider."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import polars as pl

from marketkit.compat import wire
from marketkit.realtime.feed import Feed
from marketkit.timeframe import parse_timeframe

Heard = Callable[[dict[str, Any]], object]

_ALIASES = {"trades": "trade", "orderbooks": "orderbook", "tickers": "ticker"}


def channels(data_types: Sequence[str] | None) -> list[str]:
    """Give the channels that are meant.

    >>> channels(["ticker", "trades", "candle_1m"]), channels(None)
    (['ticker', 'trade', 'candle.1m'], ['ticker'])
    """
    found = [_ALIASES.get(each, each) for each in data_types or ("ticker",)]
    return [each.replace("candle_", "candle.") for each in dict.fromkeys(found)]


class Subscriptions:
    """Open subscriptions by name; safe in any thread."""

    def __init__(self) -> None:
        self._open: dict[str, Sequence[Feed[pl.DataFrame]]] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def add(self, feeds: Sequence[Feed[pl.DataFrame]], callback: Heard | None) -> str:
        """Have a callback told of events of feeds, and give the subscription's name."""
        if callback is not None:
            for feed in feeds:
                feed.on(partial(_tell, feed.channel, callback))
        with self._lock:
            name = f"sub_{next(self._numbers)}"
            self._open[name] = feeds
        return name

    def drop(self, name: str) -> Sequence[Feed[pl.DataFrame]]:
        """Take a subscription out and give the feeds, to be closed; none of an unknown one."""
        with self._lock:
            return self._open.pop(name, ())

    def drop_all(self) -> list[Feed[pl.DataFrame]]:
        """Take all out and give their feeds, to be closed."""
        with self._lock:
            feeds = [feed for some in self._open.values() for feed in some]
            self._open.clear()
        return feeds

    def stats(self) -> dict[str, Any]:
        """Count subscriptions, markets, events, losses and interruptions."""
        with self._lock:
            number, feeds = len(self._open), [each for some in self._open.values() for each in some]
        told = [feed.stats for feed in feeds]
        return {
            "websocket_connected": any(each.connected for each in told),
            "active_subscriptions": number,
            "subscribed_symbols": len({symbol for feed in feeds for symbol in feed.symbols}),
            "events": sum(each.events for each in told),
            "lost_events": sum(each.lost for each in told),
            "interruptions": sum(each.interruptions for each in told),
            "failed_callbacks": sum(each.failed_calls for each in told),
        }


def _tell(channel: str, callback: Heard, frame: pl.DataFrame) -> None:
    for each in _objects(channel, frame):
        callback({"type": channel, **each})


def _objects(channel: str, frame: pl.DataFrame) -> Iterable[dict[str, Any]]:
    if channel == "orderbook":
        return wire.books(frame)
    rows = frame.iter_rows(named=True)
    if channel.startswith("candle."):
        return wire.candles(rows, parse_timeframe(channel.removeprefix("candle.")))
    return map(wire.ticker if channel == "ticker" else wire.trade, rows)
