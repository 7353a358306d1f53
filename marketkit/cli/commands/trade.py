"""`marketkit trade`: print trades."""

from __future__ import annotations

import argparse

from marketkit.cli.command import PARTS, Command
from marketkit.cli.options import SYMBOLS, TZ, one_or_many, open_provider
from marketkit.cli.output import DONE, Output

_COUNT = 20  # the newest trades that a glance takes in


def _arguments(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("symbols", nargs="+", help=SYMBOLS)
    said = f"The newest so many of each symbol; {_COUNT} if neither count nor start is given."
    add("--count", type=int, help=said)
    said = "The first moment, as -12h or 2026-01-01T09:00; UTC unless it says, 7 days ago at most."
    add("--start", help=said)
    add("--end", help="The moment before which it ends; now if none is given.")
    add("--tz", default="UTC", help=TZ)


def _run(options: argparse.Namespace, output: Output) -> int:
    count = _COUNT if options.count is None and options.start is None else options.count
    trades = open_provider(options).get_trade(
        one_or_many(options.symbols),
        count=count,
        start=options.start,
        end=options.end,
        tz=options.tz,
    )
    output.table(trades)
    return DONE


COMMAND = Command(
    "trade",
    "Print trades of the last seven days, the oldest first.",
    _run,
    _arguments,
    example="marketkit trade KRW-BTC --count 5",
    codes=PARTS,
)
