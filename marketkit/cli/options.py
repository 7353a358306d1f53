"""Options that commands share, and how the provider or the lake is opened from these."""

from __future__ import annotations

import argparse
import gc
import itertools
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from marketkit.cli.command import SHARED
from marketkit.errors import InputError, nearest

if TYPE_CHECKING:
    from marketkit.api.sync import SmartDataProvider
    from marketkit.data.fleet.shards import Shard
    from marketkit.data.lake.lake import Lake

SYMBOLS = "Codes such as KRW-BTC or BTC/KRW, or globs such as 'KRW-*'."
TZ = "The time zone of the output; UTC if none is given."
DURATION = "30s, 5m, 2h or 7d"  # the one spelling of a length of time
_LOG = "--log-format"
WIDTHS = ("1s", "1m", "3m", "5m", "10m", "15m", "30m", "1h", "4h", "1d", "1w", "1M", "1y")
MADE = ("2h", "6h", "8h", "12h", "3d")  # of narrower candles, to be read only


def path(text: str) -> Path:
    """Take a file or folder, with the home in place of `~`, as a type of argument."""
    from marketkit.settings import given_path  # noqa: PLC0415 - slow, `--help` needs none

    try:
        return given_path(text)
    except InputError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def place(text: str) -> Path | str:
    """Take a folder as `path` does, or the URL of one in a bucket, as a type of argument."""
    from marketkit.settings import given_place  # noqa: PLC0415 - slow, `--help` needs none

    try:
        return given_place(text)
    except InputError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def letters(text: str) -> str:
    """Take a text that names no file, as a type of argument: of a locale without letters, too."""
    try:
        text.encode()
    except UnicodeEncodeError:  # the bytes of the argument, as Python keeps what it cannot read
        return os.fsencode(text).decode("utf-8", "replace")
    return text


_SHARED: dict[str, dict[str, Any]] = {
    "json": {"action": "store_true", "help": "Print JSON for other programs."},
    "lake": {
        "type": place,
        "metavar": "DIR",
        "help": "The folder of the candle lake, or the URL of one in a bucket (s3://bucket/folder);"
        " MARKETKIT_LAKE or one below the home if not given.",
    },
    "endpoint": {
        "metavar": "URL",
        "help": "An exchange that speaks Upbit's words (http://...), such as a sandbox.",
    },
    "region": {"metavar": "kr|sg|id|th", "help": "One of Upbit's sites; Korea's if not given."},
}


def wants_json(words: Sequence[str]) -> bool:
    """Say whether a command line asks for JSON, be that line right or wrong."""
    pairs = itertools.pairwise(words)
    return "--json" in words or f"{_LOG}=json" in words or (_LOG, "json") in pairs


def add_log_format(command: argparse.ArgumentParser) -> None:
    """Add the form of all that a command writes while it is at work."""
    said = "Write progress, problems and the result as text or as JSON lines."
    command.add_argument(_LOG, choices=["text", "json"], default="text", help=said)


def add_shared(parser: argparse.ArgumentParser) -> None:
    """Add the choice of output, lake and exchange, for all commands behind."""
    for name, said in _SHARED.items():
        default = False if name == "json" else None
        parser.add_argument(f"--{name}", default=default, **said)


def add_shared_again(parser: argparse.ArgumentParser, uses: tuple[str, ...]) -> None:
    """Add the shared options behind a command's name, where the last word counts.

    Those that it has no use for are taken without a word in the help: `refuse_unused` says why.
    """
    own = {action.dest: action for action in parser._actions}  # noqa: SLF001 - no other way to see
    group = parser.add_argument_group("options of all commands")
    for name, said in _SHARED.items():
        if name in own:
            own[name].default = argparse.SUPPRESS  # what was given before the command stays
            continue
        shown = said if name in uses else {**said, "help": argparse.SUPPRESS}
        group.add_argument(f"--{name}", default=argparse.SUPPRESS, **shown)


def refuse_unknown(options: argparse.Namespace, words: list[str]) -> None:
    """End with bad usage where the command has no place for some words; name the nearest option."""
    if words:
        hint = nearest(words[0].partition("=")[0], options.names())
        options.refuse(f"unrecognized arguments: {' '.join(words)}{hint}; see --help")


def refuse_unused(options: argparse.Namespace) -> None:
    """End with bad usage where a shared option is given that the command has no use for."""
    for name in SHARED:
        if name not in options.uses and getattr(options, name) not in {None, False}:
            options.refuse(f"--{name} makes no difference here: leave it out")


def add_timeframe(
    command: argparse.ArgumentParser, default: str | None = "1m", more: tuple[str, ...] = ()
) -> None:
    """Add a timeframe, also of `more`; without a default None stands for all."""
    said = f"One of {' '.join((*WIDTHS, *more))}"
    ending = f"; {default} if none is given." if default else "; all, if none is given."
    command.add_argument("--timeframe", default=default, help=said + ending)


def add_range(command: argparse.ArgumentParser, more: tuple[str, ...] = ()) -> None:
    """Add a timeframe, also of `more`, and a range of times."""
    add_timeframe(command, more=more)
    said = "The first moment, as -30d, 2026-01-01 or 2026-01-01T09:00+09:00; UTC unless it says."
    command.add_argument("--start", help=said)
    command.add_argument("--end", help="The moment before which it ends; now if none is given.")


def add_series(command: argparse.ArgumentParser) -> None:
    """Add symbols, a timeframe and a range of times, each with a default."""
    command.add_argument("symbols", nargs="*", help="Codes such as KRW-BTC; all, if none is given.")
    add_range(command)


def open_provider(options: argparse.Namespace) -> SmartDataProvider:
    """Open the provider of the exchange and the lake that were chosen."""
    from marketkit.api.sync import SmartDataProvider  # noqa: PLC0415 - slow, `--help` needs none

    # What is loaded by now stays: the collector passes over these 60,000 objects, 18 ms each time.
    gc.freeze()
    return SmartDataProvider(endpoint=options.endpoint, region=options.region, lake=options.lake)


def open_lake(options: argparse.Namespace) -> Lake:
    """Open the lake that was chosen; asks no exchange."""
    from marketkit.data.lake.lake import Lake  # noqa: PLC0415 - slow, `--help` needs none
    from marketkit.settings import lake_source, resolve_endpoint, resolve_lake  # noqa: PLC0415

    endpoint = resolve_endpoint(options.endpoint, options.region)
    return Lake(resolve_lake(options.lake, endpoint), source=lake_source(endpoint))


def one_or_many(symbols: list[str]) -> str | list[str]:
    """Take a single symbol out of the list: then a failure is raised, not collected."""
    return symbols[0] if len(symbols) == 1 else symbols


def positive(kind: Callable[[str], float]) -> Callable[[str], float]:
    """Make a type of argument that takes only numbers above zero."""

    def read(text: str) -> float:
        value = kind(text)
        if not value > 0:
            raise argparse.ArgumentTypeError(f"{text} is not above zero")
        return value

    read.__name__ = kind.__name__  # argparse says "invalid float value"
    return read


def duration(text: str) -> str:
    """Take a length of time in the one spelling, as a type of argument."""
    from marketkit.timeframe import parse_duration  # noqa: PLC0415 - slow, `--help` needs none

    try:
        parse_duration(text)
    except InputError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def shard(text: str) -> Shard:
    """Take a part of a whole, as 3/10, as a type of argument."""
    from marketkit.data.fleet.shards import Shard  # noqa: PLC0415 - slow, `--help` needs none

    try:
        return Shard.read(text)
    except InputError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def seconds_of(text: str | None) -> float | None:
    """Give the seconds of a length of time; None for none."""
    from marketkit.timeframe import parse_duration  # noqa: PLC0415 - slow, `--help` needs none

    return None if text is None else parse_duration(text) / 1000
