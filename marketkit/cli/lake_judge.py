"""`marketkit lake quality`: how far the days of a lake can be trusted."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from marketkit.cli.options import add_series
from marketkit.cli.output import DONE, Output

if TYPE_CHECKING:
    from marketkit.data.lake.lake import Lake

# What a screen has room for; JSON has all columns.
_SHOWN = ("symbol", "date", "score", "traded", "unknown", "reasons")


def quality_arguments(view: argparse.ArgumentParser) -> None:
    """Add series, and the score below which days are shown."""
    add_series(view)
    said = "Print only days with a score below this, the worst first."
    view.add_argument("--below", type=float, metavar="SCORE", help=said)


def quality(lake: Lake, options: argparse.Namespace, output: Output) -> int:
    """Print scores and reasons by day, and the number of days below a sound score."""
    from marketkit.data.lake.quality.score import SOUND  # noqa: PLC0415 - `--help` needs none

    days = lake.quality(options.symbols or None, options.timeframe, options.start, options.end)
    shown = days
    if options.below is not None:
        shown = days.filter(days["score"] < options.below).sort("score", maintain_order=True)
    output.table(shown if output.as_json else shown.select(_SHOWN))
    poor = days.filter(days["score"] < SOUND)
    output.say(f"{days.height:,} days, {poor.height:,} of them below {SOUND:g}")
    return DONE
