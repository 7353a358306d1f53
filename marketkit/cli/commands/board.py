"""`marketkit board`: show a price board that keeps up with the exchange."""

from __future__ import annotations

import argparse

from marketkit.cli.command import Command
from marketkit.cli.options import one_or_many, open_provider, positive
from marketkit.cli.output import DONE, Output
from marketkit.cli.run import interrupt, on_sigterm
from marketkit.errors import InputError


def _arguments(command: argparse.ArgumentParser) -> None:
    said = "KRW-BTC, BTC/KRW or a glob; 'KRW-*' if none is given"
    command.add_argument("symbols", nargs="*", default=["KRW-*"], help=said)
    command.add_argument("--rows", type=positive(int), default=20, help="the largest so many (20)")
    command.add_argument("--seconds", type=positive(float), help="end after so long")
    command.add_argument("--tz", default="UTC", help="the time zone of the output (UTC)")


def _run(options: argparse.Namespace, output: Output) -> int:
    if output.as_json:
        raise InputError("a board is for people: `marketkit watch --json` is for programs")
    with on_sigterm(interrupt), open_provider(options) as provider:
        provider.board(
            one_or_many(options.symbols),
            rows=options.rows,
            seconds=options.seconds,
            tz=options.tz,
        )
    return DONE


COMMAND = Command(
    "board",
    "Show prices of markets, the largest turnover first, until Ctrl-C or a time.",
    _run,
    _arguments,
    example="marketkit board 'KRW-*' --rows 10",
)
