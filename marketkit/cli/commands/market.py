"""`marketkit market`: print the listed markets."""

from __future__ import annotations

import argparse

from marketkit.cli.command import Command
from marketkit.cli.options import open_provider
from marketkit.cli.output import DONE, Output


def _arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("quote", nargs="?", help="KRW, BTC or USDT; all, if none is given")
    said = "add markets that only earlier lists of the lake have"
    command.add_argument("--delisted", action="store_true", help=said)
    command.add_argument("--as-of", help="the list of a day, from the lake")
    said = "add the tick size and the levels of the order book"
    command.add_argument("--instruments", action="store_true", help=said)


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
    "market", "Print the listed markets.", _run, _arguments, example="marketkit market KRW"
)
