"""`marketkit market`: print the listed markets."""

from __future__ import annotations

import argparse

from marketkit.cli.command import Command
from marketkit.cli.options import open_provider
from marketkit.cli.output import DONE, Output


def _arguments(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("quote", nargs="?", help="KRW, BTC or USDT; all, if none is given.")
    said = "Add the markets that only earlier lists of the lake have."
    add("--delisted", action="store_true", help=said)
    add("--as-of", metavar="DAY", help="Read the list of a day, such as 2026-03-01, in the lake.")
    said = "Add the tick size and the levels of the order book."
    add("--instruments", action="store_true", help=said)


def _run(options: argparse.Namespace, output: Output) -> int:
    markets = open_provider(options).get_market(
        options.quote,
        delisted=options.delisted,
        as_of=options.as_of,
        instruments=options.instruments,
    )
    output.table(markets)
    return DONE


COMMAND = Command(
    "market",
    "Print the markets that the exchange lists, with names and warnings.",
    _run,
    _arguments,
    example="marketkit market KRW",
)
