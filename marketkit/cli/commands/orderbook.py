"""`marketkit orderbook`: print order books."""

from __future__ import annotations

import argparse

from marketkit.cli.command import PARTS, Command
from marketkit.cli.options import SYMBOLS, TZ, one_or_many, open_provider
from marketkit.cli.output import DONE, Output

_DEPTH = 5  # as many rows of each symbol as a glance takes in


def _arguments(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("symbols", nargs="+", help=SYMBOLS)
    said = f"Rows of each symbol, 1 to 30; {_DEPTH} if none is given."
    add("--depth", type=int, default=_DEPTH, help=said)
    said = "Group prices by so much, such as 10000; KRW markets only."
    add("--level", type=float, default=0, help=said)
    add("--tz", default="UTC", help=TZ)


def _run(options: argparse.Namespace, output: Output) -> int:
    symbols = one_or_many(options.symbols)
    books = open_provider(options).get_orderbook(
        symbols, depth=options.depth, level=options.level, tz=options.tz
    )
    output.table(books)
    return DONE


COMMAND = Command(
    "orderbook",
    "Print order books, the best prices first.",
    _run,
    _arguments,
    example="marketkit orderbook KRW-BTC --depth 3",
    codes=PARTS,
)
