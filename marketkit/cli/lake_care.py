"""`marketkit lake audit` and `lake repair`: lakes and recordings, compared and mended."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from marketkit.cli.options import path
from marketkit.cli.output import DONE, FAILED, Output
from marketkit.errors import InputError

if TYPE_CHECKING:
    import polars as pl

    from marketkit.data.lake.lake import Lake
    from marketkit.recording.mending import Fault

# Both as the exchange gave them, or as a release before wrote: no damage.
_HARMLESS = {"differs", "unsealed"}


def audit_arguments(view: argparse.ArgumentParser) -> None:
    """Add the recordings and the images to look at."""
    _recording_arguments(view)
    said = "Look at every byte of the images below the cache folder, too."
    view.add_argument("--tier", action="store_true", help=said)


def _recording_arguments(view: argparse.ArgumentParser) -> None:
    said = "Folders of recordings, in place of the lake and the recordings that lie in it."
    view.add_argument("recordings", nargs="*", type=path, metavar="RECORDING", help=said)


def repair_arguments(view: argparse.ArgumentParser) -> None:
    """Add the recordings to mend."""
    _recording_arguments(view)
    view.add_argument("--dry-run", action="store_true", help="Only say what would be done.")


def audit(lake: Lake, options: argparse.Namespace, output: Output) -> int:
    """Print the faults, and fail if there is any."""
    from marketkit.recording import mending  # noqa: PLC0415 - slow, `--help` needs none

    of_lake = None if _only_recordings(lake, options) else lake.audit(tier=options.tier)
    recordings = {root: mending.look(root) for root in _recordings(lake, options)}
    found = _together(of_lake, recordings).drop("action", strict=False)
    output.table(found)
    return FAILED if set(found["finding"]) - _HARMLESS else DONE


def repair(lake: Lake, options: argparse.Namespace, output: Output) -> int:
    """Mend without guessing, and print each action."""
    from marketkit.recording import mending  # noqa: PLC0415 - as above

    mended = None if _only_recordings(lake, options) else lake.repair(dry_run=options.dry_run)
    work = mending.look if options.dry_run else mending.mend
    recordings = {root: work(root) for root in _recordings(lake, options)}
    output.table(_together(mended, recordings))
    return DONE


def _only_recordings(lake: Lake, options: argparse.Namespace) -> bool:
    """Say whether no lake is meant: recordings are named, or `--lake` is one."""
    from marketkit.recording import mending  # noqa: PLC0415 - as above

    return bool(options.recordings) or mending.recordings(lake.root)[:1] == [lake.root]


def _recordings(lake: Lake, options: argparse.Namespace) -> list[Path]:
    from marketkit.recording import mending  # noqa: PLC0415 - as above

    named: list[Path] = options.recordings
    for root in named:
        if not mending.is_recording(root):
            raise InputError(f"{root} is no recording")
    return named or mending.recordings(lake.root)


def _together(of_lake: pl.DataFrame | None, recordings: dict[Path, list[Fault]]) -> pl.DataFrame:
    """Put the faults of recordings, by whole paths, below the faults of a lake."""
    import polars as pl  # noqa: PLC0415 - as above

    names = ["path", "symbol", "timeframe", "finding", "action", "detail"]
    rows = [
        (str(root / each.path), None, None, each.finding, each.action, each.detail)
        for root, found in recordings.items()
        for each in found
    ]
    below = pl.DataFrame(rows, dict.fromkeys(names, pl.String()), orient="row")
    if of_lake is None:
        return below
    words = of_lake.with_columns(pl.col(pl.Enum, pl.Categorical).cast(pl.String))
    return pl.concat([words, below.select(words.columns)])
