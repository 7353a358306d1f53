"""`marketkit bars`: print bars of trades."""

from __future__ import annotations

import argparse
import re
from decimal import Decimal, InvalidOperation

from marketkit.cli.command import PARTS, Command
from marketkit.cli.options import MADE, SYMBOLS, TZ, WIDTHS, one_or_many, open_provider, path
from marketkit.cli.output import DONE, Output

# A last word that is no code of a market: 1m, also one that is no width, as 7m, to be told so.
_KIND = re.compile(r"\d+[A-Za-z]{1,3}|imbalance")
_KINDS = "a width behind the symbols such as 1m, --tick, --volume, --value or --imbalance"


def _arguments(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("symbols", nargs="+", help=f"{SYMBOLS} Then a width, for bars of time: 1m.")
    add("--timeframe", help=f"The width in another place: one of {' '.join((*WIDTHS, *MADE))}.")
    add("--tick", type=int, metavar="TRADES", help="End a bar after so many trades.")
    add("--volume", type=_amount, help="End a bar after so much of the base currency.")
    add("--value", type=_amount, help="End a bar after a turnover of so much.")
    said = "End a bar when so much more was bought than sold, or sold than bought: 100 trades, or"
    add("--imbalance", action="store_true", help=f"{said} as --tick, --volume or --value say.")
    said = "The first moment, as -12h or 2026-01-01T09:00; UTC unless it says."
    add("--start", help=said)
    add("--end", help="The moment before which it ends; now if none is given.")
    said = "Take the trades of the folder that `marketkit record` wrote."
    add("--recording", type=path, metavar="DIR", help=said)
    add("--forming", action="store_true", help="Add the bar that is not finished yet.")
    fills = ["none", "forward", "null"]
    add("--fill", default="none", choices=fills, help="Add the slots without a trade.")
    add("--session", help="Where days begin, such as '00:00 Asia/Seoul'; 00:00 UTC if not given.")
    add("--tz", default="UTC", help=TZ)
    said = "Numbers as floats, or as decimals without rounding; float if none is given."
    add("--precision", default="float", choices=["float", "decimal"], help=said)


def _amount(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise argparse.ArgumentTypeError(f"{text} is no number") from None


def _run(options: argparse.Namespace, output: Output) -> int:
    symbols, kind = _split(options)
    if options.start is None and options.recording is None:
        options.refuse("bars of what time? Give --start, such as -1d, or --recording DIR")
    bars = open_provider(options).bars(
        one_or_many(symbols),
        kind,
        tick=options.tick,
        volume=options.volume,
        value=options.value,
        start=options.start,
        end=options.end,
        session=options.session,
        forming=options.forming,
        fill=options.fill,
        recording=options.recording,
        tz=options.tz,
        precision=options.precision,
    )
    output.table(bars)
    return DONE


def _split(options: argparse.Namespace) -> tuple[list[str], str | None]:
    """Take symbols and the kind of bars apart; end with bad usage without a kind, or with two."""
    symbols, kinds = list(options.symbols), []
    if len(symbols) > 1 and _KIND.fullmatch(symbols[-1]):
        kinds.append(symbols.pop())
    kinds += [options.timeframe] if options.timeframe is not None else []
    kinds += ["imbalance"] if options.imbalance else []
    if len(kinds) > 1:
        options.refuse(f"{' and '.join(kinds)}: bars are of one kind, so give one of them")
    amounts = (options.tick, options.volume, options.value)
    if not kinds and amounts == (None, None, None):
        options.refuse(f"bars of what? Give {_KINDS}")
    return symbols, kinds[0] if kinds else None


COMMAND = Command(
    "bars",
    "Print bars made of trades: of a width, of so many trades, of a volume or of a turnover. Trades"
    " come from the lake where it has them, and from the exchange for the last seven days.",
    _run,
    _arguments,
    example="marketkit bars KRW-BTC 1m --start -10m",
    codes=PARTS,
)
