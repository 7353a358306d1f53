"""`marketkit ticker`: print tickers."""

from __future__ import annotations

import argparse

from marketkit.cli.command import PARTS, Command
from marketkit.cli.options import SYMBOLS, TZ, one_or_many, open_provider
from marketkit.cli.output import DONE, Output


def _arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("symbols", nargs="+", help=SYMBOLS)
    command.add_argument("--tz", default="UTC", help=TZ)


def _run(options: argparse.Namespace, output: Output) -> int:
    output.table(open_provider(options).get_ticker(one_or_many(options.symbols), tz=options.tz))
    return DONE


COMMAND = Command(
    "ticker",
    "Print prices of markets now, with the change and the turnover of the day.",
    _run,
    _arguments,
    example="marketkit ticker KRW-BTC 'KRW-E*'",
    codes=PARTS,
)
