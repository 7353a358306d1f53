"""`marketkit lake merge`: the knowledge of another lake, taken into this one."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from marketkit.cli.output import DONE, INCOMPLETE, Output

if TYPE_CHECKING:
    from marketkit.data.lake.lake import Lake
    from marketkit.data.lake.transfer.merged import MergeReport


def merge_arguments(view: argparse.ArgumentParser) -> None:
    """Add the other lake, the part that is wanted, and whose word counts."""
    add = view.add_argument
    add("other", help="The folder of the other lake or of a frozen set, or a set's name here.")
    _part_arguments(view)
    said = "Whose word counts where both know a slot; this lake's, if none is given."
    add("--prefer", choices=["lake", "other", "newer"], default="lake", help=said)


def shared_arguments(view: argparse.ArgumentParser) -> None:
    """Add the lake that many share, and the part that is wanted."""
    view.add_argument("other", help="The folder of the shared lake, or s3://bucket/folder.")
    _part_arguments(view)


def _part_arguments(view: argparse.ArgumentParser) -> None:
    add = view.add_argument
    add("--symbols", nargs="+", help="Codes or globs of markets; all, if none is given.")
    add("--timeframe", help="The width of candles, such as 1m; all, if none is given.")
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
    return _told(report, output)


def pull(lake: Lake, options: argparse.Namespace, output: Output) -> int:
    """Take in what a shared lake knows more, and print the report."""
    return _told(lake.pull(options.other, **_part(options)), output)


def push(lake: Lake, options: argparse.Namespace, output: Output) -> int:
    """Give a shared lake what this one knows more, and print the report."""
    return _told(lake.push(options.other, **_part(options)), output)


def _part(options: argparse.Namespace) -> dict[str, Any]:
    return {name: getattr(options, name) for name in ("symbols", "timeframe", "dry_run")}


def _told(report: MergeReport, output: Output) -> int:
    output.say(str(report))
    output.value(**report.as_dict())
    return DONE if report.complete else INCOMPLETE


def _side(text: str) -> str | Path:
    """Take the name of a folder that is there for that, also if a frozen set has the name."""
    return Path(text) if Path(text).is_dir() else text
