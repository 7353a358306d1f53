"""`marketkit watch`: print a stream line by line."""

from __future__ import annotations

import argparse
import threading
from typing import TYPE_CHECKING

from marketkit.cli.command import Command
from marketkit.cli.options import open_provider, positive
from marketkit.cli.output import DONE, INCOMPLETE, Output
from marketkit.cli.run import interrupt, on_sigterm

if TYPE_CHECKING:
    import polars as pl

_SHOWN = {  # columns for people; programs get all
    "ticker": ("time", "symbol", "price", "signed_change_rate", "value_24h"),
    "trade": ("time", "symbol", "side", "price", "volume"),
    "orderbook": ("time", "symbol", "bid_size", "bid_price", "ask_price", "ask_size"),
    "candle": ("time", "symbol", "open", "high", "low", "close", "volume", "state"),
}


def _arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("symbols", nargs="+", help="KRW-BTC, BTC/KRW or a glob as 'KRW-*'")
    command.add_argument("--channel", default="ticker", help="ticker, trade, orderbook, candle.1m")
    command.add_argument("--count", type=positive(int), help="end after so many lines")
    command.add_argument("--seconds", type=positive(float), help="end after so long")


def _run(options: argparse.Namespace, output: Output) -> int:
    left = options.count
    with (
        on_sigterm(interrupt),
        open_provider(options) as provider,
        provider.watch(options.symbols, options.channel) as feed,
    ):
        timer = threading.Timer(options.seconds or 0, feed.close)
        timer.daemon = True
        if options.seconds is not None:
            timer.start()
        for frame in feed:
            lines = frame if output.as_json else readable(frame, options.channel)
            output.lines(lines.head(lines.height if left is None else left))
            left = None if left is None else left - lines.height
            if left is not None and left <= 0:
                break
        timer.cancel()
    return INCOMPLETE if left is not None and left > 0 else DONE


def readable(frame: pl.DataFrame, channel: str) -> pl.DataFrame:
    """Keep the columns that people read, and of a book the best prices."""
    kind = channel.partition(".")[0]
    best = frame.filter(frame["depth"] == 1) if kind == "orderbook" else frame
    return best.select(_SHOWN.get(kind, best.columns))


COMMAND = Command("watch", "Print the events of a stream, line by line.", _run, _arguments)
