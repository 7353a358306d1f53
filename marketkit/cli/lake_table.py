"""`marketkit lake table` and `lake vacuum`: frozen sets for other engines, and what none has."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from marketkit.cli.output import DONE, Output

if TYPE_CHECKING:
    from marketkit.data.lake.lake import Lake


def table_arguments(view: argparse.ArgumentParser) -> None:
    """Add the set, and which of its two tables is meant."""
    view.add_argument("name", help="The name of the frozen set.")
    said = "The table of candles, or that of trades."
    view.add_argument("--of", choices=["candles", "trades"], default="candles", help=said)


def table(lake: Lake, options: argparse.Namespace, output: Output) -> int:
    """Print address and version of a frozen set, and the call of each engine whole, to paste."""
    found = lake.table(options.name, options.of)
    lines = {"url": found.url, "version": str(found.version), **found.calls}
    for name, line in lines.items():
        output.say(f"{name:8} {line}")
    held = {"rows": found.rows, "files": found.files, "bytes": found.bytes}
    told = {"name": found.name, "url": found.url, "version": found.version}
    output.value(**told, **held, calls=found.calls)
    return DONE


def vacuum(lake: Lake, _: argparse.Namespace, output: Output) -> int:
    """Delete the copies that no frozen set has, and print how much that was."""
    from marketkit.notebook import words  # noqa: PLC0415 - `--help` needs none

    freed = lake.vacuum()
    output.say(f"removed {words.size(freed)} that no frozen set in {lake.where} has")
    output.value(bytes=freed)
    return DONE
