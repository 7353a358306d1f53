"""`marketkit board`: show a price board that keeps up with the exchange."""

from __future__ import annotations

import argparse
import sys

from marketkit.cli.command import Command
from marketkit.cli.deadline import deadline_of, open_until, opening, seconds_until
from marketkit.cli.options import DURATION, SYMBOLS, TZ, duration, one_or_many, positive
from marketkit.cli.output import DONE, INCOMPLETE, Output
from marketkit.cli.terminal import writing
from marketkit.disk.system import interrupt, on_ending


def _arguments(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("symbols", nargs="*", default=["KRW-*"], help=f"{SYMBOLS} 'KRW-*' if none is given.")
    said = "Show so many markets of each quote currency, the largest turnovers; 20 if not given."
    add("--rows", type=positive(int), default=20, help=said)
    add("--max-time", type=duration, help=f"End after so long: {DURATION}.")
    add("--tz", default="UTC", help=TZ)


def _run(options: argparse.Namespace, _: Output) -> int:
    deadline = deadline_of(options)
    with (
        on_ending(interrupt),
        open_until(options, deadline) as provider,
        opening(options, deadline),
        writing(sys.stdout),
    ):
        provider.board(
            one_or_many(options.symbols),
            rows=options.rows,
            seconds=seconds_until(deadline),
            tz=options.tz,
        )
    return DONE


COMMAND = Command(
    "board",
    "Show prices of markets, the largest turnover first, until Ctrl-C or a time.",
    _run,
    _arguments,
    example="marketkit board 'KRW-*' --rows 10",
    codes={INCOMPLETE: "The time was over before the exchange told its prices."},
    uses=("lake", "endpoint", "region"),
)
