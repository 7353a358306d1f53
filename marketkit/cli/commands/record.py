"""`marketkit record`: write streams to a folder."""

from __future__ import annotations

import argparse
import threading
import time
from typing import TYPE_CHECKING

from marketkit.cli.command import Command
from marketkit.cli.deadline import deadline_of, open_until, opening
from marketkit.cli.options import DURATION, SYMBOLS, duration, path
from marketkit.cli.output import DONE, INCOMPLETE, INTERRUPTED, Output
from marketkit.disk.system import interrupt, on_ending

if TYPE_CHECKING:
    from marketkit.recording.recording import Recording

_SAY_EVERY = 30.0  # seconds between two lines of how it fares: as often as the log of a backfill


def _arguments(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("symbols", nargs="+", help=SYMBOLS)
    said = "Streams, separated by commas: ticker, trade, orderbook, candle.1m and the like."
    add("--channels", default="trade,orderbook", help=said)
    said = "The folder of the recording; one that is there already goes on."
    add("--to", required=True, type=path, metavar="DIR", help=said)
    add("--max-time", type=duration, help=f"End after so long: {DURATION}.")


def _run(options: argparse.Namespace, output: Output) -> int:
    channels = [each.strip() for each in options.channels.split(",") if each.strip()]
    deadline = deadline_of(options)
    with on_ending(interrupt), open_until(options, deadline) as provider:
        with opening(options, deadline):
            recording = provider.record(options.symbols, channels, to=options.to)
        try:
            with recording:
                _wait(recording, deadline, output)
        finally:
            _say(recording, output)
    if recording.unheard is not None:
        output.problem(recording.unheard)
        return INCOMPLETE
    return INCOMPLETE if recording.interruptions.height or recording.lost else DONE


def _wait(recording: Recording, end: float | None, output: Output) -> None:
    """Wait until a deadline, or for ever; say now and then how the recording fares."""
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


COMMAND = Command(
    "record",
    "Record streams to a folder until Ctrl-C, SIGTERM or a time.",
    _run,
    _arguments,
    example="marketkit record KRW-BTC --channels trade --to tape --max-time 30s",
    codes={
        INCOMPLETE: "It is recorded, with interruptions that the exchange did not make good, or "
        "nothing came at all.",
        INTERRUPTED: "Ctrl-C or SIGTERM ended it, and all that was heard is in the folder.",
    },
)
