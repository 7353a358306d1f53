"""`marketkit trade`: print trades."""

from __future__ import annotations

import argparse

from marketkit.cli.command import Command
from marketkit.cli.options import one_or_many, open_provider
from marketkit.cli.output import DONE, Output

_COUNT = 20  # the newest trades that a glance takes in


def _arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("symbols", nargs="+", help="KRW-BTC, BTC/KRW or a glob such as 'KRW-*'")
    said = "the newest so many of each symbol"
    command.add_argument("--count", type=int, help=f"{said} ({_COUNT} without a start)")
    command.add_argument(
        "--start", help="inclusive: ISO, UTC unless it says, or -12h; at most 7 days ago"
    )
    command.add_argument("--end", help="exclusive; default now")
    command.add_argument("--tz", default="UTC", help="the time zone of the output (UTC)")


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
)
