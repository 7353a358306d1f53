"""`marketkit candles`: print candles of the lake and the exchange."""

from __future__ import annotations

import argparse

from marketkit.cli.command import PARTS, Command
from marketkit.cli.options import MADE, SYMBOLS, TZ, add_range, one_or_many, open_provider
from marketkit.cli.output import DONE, Output


def _arguments(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("symbols", nargs="+", help=SYMBOLS)
    add_range(command, MADE)
    add("--count", type=int, help="The newest so many; 200 if neither count nor start is given.")
    sources = ["auto", "lake", "exchange"]
    add("--source", default="auto", choices=sources, help="Who is asked; both, the lake first.")
    add("--forming", action="store_true", help="Add the candle that is not finished yet.")
    fills = ["none", "forward", "null"]
    add("--fill", default="none", choices=fills, help="Add the slots that are proved empty.")
    said = "Where days begin, such as '00:00 Asia/Seoul'; 00:00 UTC if none is given."
    add("--session", default="00:00 UTC", help=said)
    add("--own", action="store_true", help="Take no candles that are made of finer ones.")
    add("--as-of", metavar="NAME", help="Read a frozen set instead of the lake as it is.")
    said = "Join a market that changed its code, such as KRW-MATIC=KRW-POL; repeatable."
    add("--rename", action="append", type=_pair, metavar="OLD=NEW", help=said)
    add("--tz", default="UTC", help=TZ)
    said = "Numbers as floats, or as the exchange writes them; float if none is given."
    add("--precision", default="float", choices=["float", "decimal"], help=said)


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
        precision=options.precision,
    )
    output.table(candles)
    return DONE


COMMAND = Command(
    "candles",
    "Print candles of markets. The exchange is asked for those that the lake does not have yet.",
    _run,
    _arguments,
    example="marketkit candles KRW-BTC --timeframe 1h --count 5",
    codes=PARTS,
)
