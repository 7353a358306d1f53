"""What the options mean that every command takes: which exchange, which lake."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from marketkit.settings import resolve_endpoint, resolve_lake

if TYPE_CHECKING:
    from marketkit.api.sync import SmartDataProvider


def open_provider(options: argparse.Namespace) -> SmartDataProvider:
    """Give the provider that a command asks."""
    from marketkit.api.sync import SmartDataProvider  # noqa: PLC0415 - slow, `--help` needs none

    return SmartDataProvider(endpoint=options.endpoint, region=options.region, lake=options.lake)


def lake_root(options: argparse.Namespace) -> Path:
    """Give the folder of the lake that a command is about."""
    return resolve_lake(options.lake, resolve_endpoint(options.endpoint, options.region))


def add_series(view: argparse.ArgumentParser) -> None:
    """Add the symbols, the timeframe and the range that a view is about."""
    view.add_argument("symbols", nargs="*", help="all, if none is given")
    add_range(view, start_required=False)


def add_range(command: argparse.ArgumentParser, *, start_required: bool) -> None:
    """Add a timeframe and a range of times to a command."""
    widths = "1s 1m 3m 5m 10m 15m 30m 1h 4h 1d 1w 1M 1y"
    command.add_argument("--timeframe", default="1m", help=widths)
    start = "inclusive, ISO, UTC unless it says"
    command.add_argument("--start", required=start_required, help=start)
    command.add_argument("--end", help="exclusive; default now")
