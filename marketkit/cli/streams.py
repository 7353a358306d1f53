"""`marketkit watch` and `marketkit record`: streams on the screen and on disk."""

from __future__ import annotations

import argparse
import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from marketkit.cli.output import DONE, INCOMPLETE, Output

if TYPE_CHECKING:
    import polars as pl

    from marketkit.api.sync import SmartDataProvider
    from marketkit.recording.recording import Recording

_SAY_EVERY = 30.0
_SHOWN = {  # columns for people; programs get all
    "ticker": ("time", "symbol", "price", "signed_change_rate", "value_24h"),
    "trade": ("time", "symbol", "side", "price", "volume"),
    "orderbook": ("time", "symbol", "bid_size", "bid_price", "ask_price", "ask_size"),
    "candle": ("time", "symbol", "open", "high", "low", "close", "volume", "state"),
}

Provide = Callable[[argparse.Namespace], "SmartDataProvider"]


def add_realtime(commands: Any, common: argparse.ArgumentParser, provide: Provide) -> None:
    """Add the commands; `provide` makes the provider that the options mean."""

    def add(name: str, run: Callable[..., int], text: str) -> argparse.ArgumentParser:
        command: argparse.ArgumentParser = commands.add_parser(
            name, parents=[common], description=text, help=text
        )
        command.set_defaults(run=lambda options, output: run(provide(options), options, output))
        command.add_argument("symbols", nargs="+", help="KRW-BTC, BTC/KRW or a glob as 'KRW-*'")
        return command

    watch = add("watch", _watch, "Print what the exchange says by itself, line by line.")
    watch.add_argument("--channel", default="ticker", help="ticker, trade, orderbook, candle.1m")
    watch.add_argument("--count", type=_positive(int), help="end after so many lines")
    watch.add_argument("--seconds", type=_positive(float), help="end after so long")

    record = add("record", _record, "Record streams to a folder until Ctrl-C, SIGTERM or a time.")
    record.add_argument("--channels", default="trade,orderbook", help="separated by commas")
    record.add_argument("--to", required=True, help="a folder; one that is there goes on")
    record.add_argument("--max-time", type=_positive(float), help="end after so many seconds")


def _watch(provider: SmartDataProvider, options: argparse.Namespace, output: Output) -> int:
    left = options.count
    with _terminable(), provider, provider.watch(options.symbols, options.channel) as feed:
        timer = threading.Timer(options.seconds or 0, feed.close)
        timer.daemon = True
        if options.seconds is not None:
            timer.start()
        for frame in feed:
            lines = frame if output.as_json else _readable(frame, options.channel)
            output.lines(lines.head(lines.height if left is None else left))
            left = None if left is None else left - lines.height
            if left is not None and left <= 0:
                break
        timer.cancel()
    return INCOMPLETE if left is not None and left > 0 else DONE


def _readable(frame: pl.DataFrame, channel: str) -> pl.DataFrame:
    """Keep what people read: of a book its best prices."""
    kind = channel.partition(".")[0]
    best = frame.filter(frame["depth"] == 1) if kind == "orderbook" else frame
    return best.select(_SHOWN[kind])


def _record(provider: SmartDataProvider, options: argparse.Namespace, output: Output) -> int:
    channels = [each.strip() for each in options.channels.split(",") if each.strip()]
    with _terminable(), provider:
        recording = provider.record(options.symbols, channels, to=options.to)
        try:
            with recording:
                _wait(recording, options.max_time, output)
        finally:
            _say(recording, output)
    return INCOMPLETE if recording.interruptions or recording.lost else DONE


def _wait(recording: Recording, seconds: float | None, output: Output) -> None:
    """Wait for so long, or for ever; say now and then how it fares."""
    end = None if seconds is None else time.monotonic() + seconds
    idle = threading.Event()
    while (left := _SAY_EVERY if end is None else end - time.monotonic()) > 0:
        idle.wait(min(left, _SAY_EVERY))
        output.say(repr(recording))


def _say(recording: Recording, output: Output) -> None:
    output.say(repr(recording))
    output.value(
        folder=str(recording.folder),
        counts=dict(recording.counts),
        interruptions=recording.interruptions,
        lost=recording.lost,
        errors=[str(error) for error in recording.errors],
    )


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """Have SIGTERM end a command as Ctrl-C does, so that what is held is put down."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _positive(kind: Callable[[str], float]) -> Callable[[str], float]:
    """Take only numbers above zero."""

    def read(text: str) -> float:
        value = kind(text)
        if not value > 0:
            raise argparse.ArgumentTypeError(f"{text} is not above zero")
        return value

    return read
