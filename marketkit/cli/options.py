"""Options that commands share, and how the provider or the lake is opened from these."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from marketkit.api.sync import SmartDataProvider
    from marketkit.data.lake.lake import Lake


def add_shared(parser: argparse.ArgumentParser, *, again: bool = False) -> None:
    """Add the choice of output, lake and exchange; `again` behind a command's name."""
    default: Any = argparse.SUPPRESS if again else None  # what was given before stays
    parser.add_argument(
        "--json",
        action="store_true",
        default=argparse.SUPPRESS if again else False,
        help="print JSON for other programs",
    )
    parser.add_argument("--lake", type=Path, default=default, help="folder of the candle lake")
    said = "an exchange that speaks Upbit's words (http://...)"
    parser.add_argument("--endpoint", default=default, help=said)
    parser.add_argument("--region", default=default, help="kr sg id th")


def add_range(command: argparse.ArgumentParser) -> None:
    """Add a timeframe and a range of times."""
    widths = "1s 1m 3m 5m 10m 15m 30m 1h 4h 1d 1w 1M 1y"
    command.add_argument("--timeframe", default="1m", help=widths)
    command.add_argument("--start", help="inclusive: ISO, UTC unless it says, or -30d")
    command.add_argument("--end", help="exclusive; default now")


def add_series(command: argparse.ArgumentParser) -> None:
    """Add symbols, a timeframe and a range of times, each with a default."""
    command.add_argument("symbols", nargs="*", help="all, if none is given")
    add_range(command)


def open_provider(options: argparse.Namespace) -> SmartDataProvider:
    """Open the provider of the exchange and the lake that were chosen."""
    from marketkit.api.sync import SmartDataProvider  # noqa: PLC0415 - slow, `--help` needs none

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
