"""`marketkit lake merge`: the knowledge of another lake, taken into this one."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from marketkit.cli.output import DONE, INCOMPLETE, Output

if TYPE_CHECKING:
    from marketkit.data.lake.lake import Lake


def merge_arguments(view: argparse.ArgumentParser) -> None:
    """Add the other lake, the part that is wanted, and whose word counts."""
    add = view.add_argument
    add("other", help="The folder of the other lake or of a frozen set, or a set's name here.")
    add("--symbols", nargs="+", help="Codes or globs of markets; all, if none is given.")
    add("--timeframe", help="The width of candles, such as 1m; all, if none is given.")
    said = "Whose word counts where both know a slot; this lake's, if none is given."
    add("--prefer", choices=["lake", "other"], default="lake", help=said)
    add("--dry-run", action="store_true", help="Only say what would come.")


def merge(lake: Lake, options: argparse.Namespace, output: Output) -> int:
    """Merge, and print the report: incomplete where a series was left out."""
    report = lake.merge(
        _side(options.other),
        symbols=options.symbols,
        timeframe=options.timeframe,
        prefer=options.prefer,
        dry_run=options.dry_run,
    )
    output.say(str(report))
    output.value(**report.as_dict())
    return DONE if report.complete else INCOMPLETE


def _side(text: str) -> str | Path:
    """Take the name of a folder that is there for that, also if a frozen set has the name."""
    return Path(text) if Path(text).is_dir() else text
