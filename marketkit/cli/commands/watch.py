"""`marketkit watch`: print a stream line by line."""

from __future__ import annotations

import argparse
import math
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from marketkit.cli.command import Command
from marketkit.cli.deadline import deadline_of, open_until, opening
from marketkit.cli.options import DURATION, SYMBOLS, duration, positive
from marketkit.cli.output import DONE, INCOMPLETE, Output
from marketkit.disk.system import hung_up, interrupt, on_ending
from marketkit.errors import NetworkError

if TYPE_CHECKING:
    import polars as pl

    from marketkit.realtime.feed import Feed

_LOOK = 1.0  # seconds between two looks whether anybody reads, for a stream may be silent for long
_SHOWN = {  # columns for people; programs get all
    "ticker": ("time", "symbol", "price", "signed_change_rate", "value_24h"),
    "trade": ("time", "symbol", "side", "price", "volume"),
    "orderbook": ("time", "symbol", "bid_size", "bid_price", "ask_price", "ask_size"),
    "candle": ("time", "symbol", "open", "high", "low", "close", "volume", "state"),
}


def _arguments(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("symbols", nargs="+", help=SYMBOLS)
    said = "The stream: ticker, trade, orderbook, candle.1m and the like."
    add("--channel", default="ticker", help=said)
    add("--count", type=positive(int), help="End after so many lines.")
    add("--max-time", type=duration, help=f"End after so long: {DURATION}.")
    add("--seconds", type=_renamed, dest="max_time", help=argparse.SUPPRESS)


def _renamed(text: str) -> str:
    raise argparse.ArgumentTypeError(f"is called --max-time now: --max-time {text}s")


def _run(options: argparse.Namespace, output: Output) -> int:
    deadline = deadline_of(options)
    with on_ending(interrupt), open_until(options, deadline) as provider:
        with opening(options, deadline):
            feed = provider.watch(options.symbols, options.channel)
        with feed, _closing(feed, deadline):
            try:
                left = _print(feed, options, output)
            except NetworkError as why:  # no stream has opened
                output.problem(why)
                return INCOMPLETE
            if feed.unheard is not None:
                output.problem(feed.unheard)
                return INCOMPLETE
    return INCOMPLETE if left > 0 else DONE


@contextmanager
def _closing(feed: Feed[pl.DataFrame], deadline: float | None) -> Iterator[None]:
    """Close a feed at a deadline, or where nobody reads, unless the block ends before."""
    over = threading.Event()

    def look() -> None:
        while not hung_up(sys.stdout):
            left = math.inf if deadline is None else deadline - time.monotonic()
            if left <= 0:
                break
            if over.wait(min(left, _LOOK)):
                return
        feed.close()

    threading.Thread(target=look, daemon=True).start()
    try:
        yield
    finally:
        over.set()


def _print(feed: Feed[pl.DataFrame], options: argparse.Namespace, output: Output) -> int:
    """Print events until the end or `--count`, and give how many lines are missing to that."""
    left: int = options.count or 0
    for frame in feed:
        lines = frame if output.as_json else readable(frame, options.channel)
        output.lines(lines if options.count is None else lines.head(left))
        left -= lines.height if options.count else 0
        if options.count and left <= 0:
            break
    else:
        output.need_reader()
    return left


def readable(frame: pl.DataFrame, channel: str) -> pl.DataFrame:
    """Keep the columns that people read, and of a book the best prices."""
    kind = channel.partition(".")[0]
    best = frame.filter(frame["depth"] == 1) if kind == "orderbook" else frame
    return best.select(_SHOWN.get(kind, best.columns))


COMMAND = Command(
    "watch",
    "Print the events of a stream, line by line.",
    _run,
    _arguments,
    example="marketkit watch KRW-BTC KRW-ETH --channel trade --count 10",
    codes={INCOMPLETE: "Fewer lines came than --count asks for, or no stream opened."},
)
