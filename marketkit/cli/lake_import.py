"""`marketkit lake import`: files of other programs into the lake, or only a look at these."""

from __future__ import annotations

import argparse
import shlex
from typing import TYPE_CHECKING, Any

from marketkit.cli.options import WIDTHS
from marketkit.cli.output import DONE, INCOMPLETE, Output

if TYPE_CHECKING:
    from marketkit.data.lake.lake import Lake
    from marketkit.data.lake.transfer.imported import Imported

_FIRST = 5  # rows that a look shows: enough to see a false column or zone
_NO_COLUMN = "-"  # instead of a name: the file has no such column
_COUNTS = (
    *("rows", "distinct", "changed", "revisions", "slots", "filled", "empty", "left_out"),
    "differing",
)
# What the library has defaults for; given only where the command line says so.
_SAID = ("tz", "encoding", "covering", "prefer", "duplicates", "settled", "force", "on_error")


def import_arguments(view: argparse.ArgumentParser) -> None:
    """Add the files, their market and width, and how cells are read."""
    add = view.add_argument
    add("paths", nargs="+", metavar="PATH", help="Files, folders or globs.")
    add("--symbol", help="The market, such as KRW-BTC; all that the files name, if none is given.")
    add("--timeframe", required=True, help=f"The width of the candles: one of {' '.join(WIDTHS)}.")
    said = "Names of columns in the files, such as time=일시,open=시가; value=- for none."
    add("--columns", action="append", type=_columns, metavar="OURS=THEIRS,...", help=said)
    said = "The column that names the market of each row; - if none of them does."
    add("--symbol-column", metavar="NAME", help=said)
    add("--tz", help="The zone of times that say none, such as Asia/Seoul.")
    add("--encoding", help="The encoding of text, such as cp949; found out if none is given.")
    _claim_arguments(view)
    add(
        "--dry-run",
        action="store_true",
        help="Show the first rows as they would be read, and what would change.",
    )


def _claim_arguments(view: argparse.ArgumentParser) -> None:
    """Add the claims that files may make."""
    add = view.add_argument
    said = "What the files prove: their rows, all slots from the first to the last, or START,END."
    add("--covering", type=_covering, metavar="rows|range|START,END", help=said)
    said = "Whose number counts where the lake knows another one; the lake's if none is given."
    add("--prefer", choices=["lake", "file"], help=said)
    said = "Which of two candles of one time counts; none, if none is given: that is an error."
    add("--duplicates", choices=["error", "first", "last"], help=said)
    said = "Every row is final, the newest one too."
    add("--settled", action="store_const", const=True, help=said)
    said = "Take files whose name says another market, and prices that do not fit the lake's."
    add("--force", action="store_const", const=True, help=said)
    said = "Refuse all files for a bad one, or leave that out and say so."
    add("--on-error", choices=["raise", "skip"], help=said)


def import_candles(lake: Lake, options: argparse.Namespace, output: Output) -> int:
    """Import files and print the counts, or with `--dry-run` a look."""
    from marketkit.data.lake.transfer.imported import Imports  # noqa: PLC0415 - slow

    paths = options.paths if len(options.paths) > 1 else options.paths[0]
    columns = _names(options)
    given: dict[str, Any] = {name: getattr(options, name) for name in _SAID}
    given = {name: said for name, said in given.items() if said is not None}
    look = _look(lake, paths, columns, options, output) if options.dry_run else {}
    taken = lake.import_(
        paths,
        symbol=options.symbol,
        timeframe=options.timeframe,
        columns=columns,
        dry_run=options.dry_run,
        **given,
    )
    output.say(repr(taken))
    told = [_counts(each) for each in (taken if isinstance(taken, Imports) else [taken])]
    whole = told[0] if len(told) == 1 else {"markets": told}
    output.value(**whole, **look, failures=[str(each) for each in taken.failures])
    return INCOMPLETE if taken.failures else DONE


def _counts(came: Imported) -> dict[str, object]:
    """Give the counts of a market for programs."""
    counts = {name: getattr(came, name) for name in _COUNTS}
    found = {"unsettled": came.unsettled.height, "findings": came.findings}
    return {"symbol": came.symbol, **counts, **found}


def _look(
    lake: Lake,
    paths: str | list[str],
    columns: dict[str, str | None],
    options: argparse.Namespace,
    output: Output,
) -> dict[str, object]:
    """Show the first rows of the first file that can be read."""
    from marketkit.data.lake.transfer.sources.reading import preview  # noqa: PLC0415 - slow
    from marketkit.data.lake.transfer.sources.rows import Reading  # noqa: PLC0415 - as above
    from marketkit.timeframe import parse_timeframe  # noqa: PLC0415 - as above

    width = parse_timeframe(options.timeframe)
    reading = Reading(width, lake.clock(), columns, options.tz, options.encoding)
    path, names, rows = preview(paths, reading, _FIRST, options.symbol)
    said = ",".join(f"{ours}={theirs}" for ours, theirs in names.items())
    output.say(f"{path.name} as by --columns {shlex.quote(said)}")
    if not output.as_json:
        output.table(rows.select(*(each for each in rows.columns if each in names)))
    times = rows["time"].dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"file": str(path), "columns": names, "first": rows.with_columns(times).to_dicts()}


def _names(options: argparse.Namespace) -> dict[str, str | None]:
    """Put the names of columns together, from both options that give some."""
    names = {ours: theirs for each in options.columns or () for ours, theirs in each.items()}
    if options.symbol_column is not None:
        names["symbol"] = options.symbol_column
    return {ours: None if theirs == _NO_COLUMN else theirs for ours, theirs in names.items()}


def _columns(text: str) -> dict[str, str]:
    """Take names of columns apart, as a type of argument."""
    pairs = [each.partition("=") for each in text.split(",") if each.strip()]
    if wrong := [ours for ours, sign, _ in pairs if not (ours.strip() and sign)]:
        raise argparse.ArgumentTypeError(
            f"{wrong[0]!r} names no column: write OURS=THEIRS, as in time=일시,open=시가"
        )
    return {ours.strip(): theirs for ours, _, theirs in pairs}


def _covering(text: str) -> str | tuple[str, str]:
    """Take a covering, as a type of argument."""
    if text in {"rows", "range"}:
        return text
    start, sign, end = text.partition(",")
    if not (sign and start.strip() and end.strip()):
        raise argparse.ArgumentTypeError(
            f"{text!r} covers nothing: write rows, range, or a start and an end as in"
            " 2024-01-01,2024-02-01"
        )
    return start.strip(), end.strip()
