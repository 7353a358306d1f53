"""`marketkit record`: write streams to a folder."""

from __future__ import annotations

import argparse
import threading
import time
from typing import TYPE_CHECKING

from marketkit.cli.command import Command
from marketkit.cli.options import open_provider, positive
from marketkit.cli.output import DONE, INCOMPLETE, Output
from marketkit.cli.run import interrupt, on_sigterm

if TYPE_CHECKING:
    from marketkit.recording.recording import Recording

_SAY_EVERY = 30.0  # seconds between two lines of how it fares: as often as the log of a backfill


def _arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("symbols", nargs="+", help="KRW-BTC, BTC/KRW or a glob as 'KRW-*'")
    command.add_argument("--channels", default="trade,orderbook", help="separated by commas")
    command.add_argument("--to", required=True, help="a folder; one that is there goes on")
    command.add_argument("--max-time", type=positive(float), help="end after so many seconds")


def _run(options: argparse.Namespace, output: Output) -> int:
    channels = [each.strip() for each in options.channels.split(",") if each.strip()]
    with on_sigterm(interrupt), open_provider(options) as provider:
        recording = provider.record(options.symbols, channels, to=options.to)
        try:
            with recording:
                _wait(recording, options.max_time, output)
        finally:
            _say(recording, output)
    return INCOMPLETE if recording.interruptions.height or recording.lost else DONE


def _wait(recording: Recording, seconds: float | None, output: Output) -> None:
    """Wait for so long, or for ever; say now and then how the recording fares."""
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
        interruptions=recording.interruptions.height,
        lost=recording.lost,
        errors=[str(error) for error in recording.errors],
    )


_TEXT = "Record streams to a folder until Ctrl-C, SIGTERM or a time."
COMMAND = Command("record", _TEXT, _run, _arguments)
