"""`marketkit orderbook`: print order books."""

from __future__ import annotations

import argparse

from marketkit.cli.command import Command
from marketkit.cli.options import one_or_many, open_provider
from marketkit.cli.output import DONE, Output

_DEPTH = 5  # as many rows of each symbol as a glance takes in


def _arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("symbols", nargs="+", help="KRW-BTC, BTC/KRW or a glob such as 'KRW-*'")
    said = f"rows of each symbol, 1 to 30 ({_DEPTH})"
    command.add_argument("--depth", type=int, default=_DEPTH, help=said)
    said = "group prices by so much; KRW markets only"
    command.add_argument("--level", type=float, default=0, help=said)
    command.add_argument("--tz", default="UTC", help="the time zone of the output (UTC)")


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
)
