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
