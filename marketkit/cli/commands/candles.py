"""`marketkit candles`: print candles of the lake and the exchange."""

from __future__ import annotations

import argparse

from marketkit.cli.command import Command
from marketkit.cli.options import add_range, one_or_many, open_provider
from marketkit.cli.output import DONE, Output


def _arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("symbols", nargs="+", help="KRW-BTC, BTC/KRW or a glob such as 'KRW-*'")
    add_range(command)
    command.add_argument("--count", type=int, help="the newest so many (200)")
    command.add_argument("--source", default="auto", choices=["auto", "lake", "exchange"])
    command.add_argument("--forming", action="store_true", help="the unfinished candle, too")
    fills = ["none", "forward", "null"]
    command.add_argument("--fill", default="none", choices=fills, help="slots proved empty, too")
    command.add_argument("--session", default="00:00 UTC", help="where days begin")
    own = "the exchange's own candles, none made of finer ones"
    command.add_argument("--own", action="store_true", help=own)
    command.add_argument("--as-of", help="a frozen set instead of the lake as it is")
    joined = "join a market that changed its code: KRW-MATIC=KRW-POL"
    command.add_argument("--rename", action="append", type=_pair, metavar="OLD=NEW", help=joined)
    command.add_argument("--tz", default="UTC", help="the time zone of the output (UTC)")


def _pair(text: str) -> tuple[str, str]:
    old, _, new = text.partition("=")
    if not (old and new):
        raise argparse.ArgumentTypeError(f"{text} is not OLD=NEW")
    return old, new


def _run(options: argparse.Namespace, output: Output) -> int:
    candles = open_provider(options).get_candle(
        one_or_many(options.symbols),
        options.timeframe,
        start=options.start,
        end=options.end,
        count=options.count,
        forming=options.forming,
        fill=options.fill,
        session=options.session,
        derive=not options.own,
        as_of=options.as_of,
        rename=None if options.rename is None else dict(options.rename),
        source=options.source,
        tz=options.tz,
    )
    output.table(candles)
    return DONE


COMMAND = Command(
    "candles",
    "Print candles of the lake and the exchange.",
    _run,
    _arguments,
    example="marketkit candles KRW-BTC --timeframe 1h --count 5",
)
