"""`marketkit lake ...`: look into the candle lake and maintain the files; no exchange is asked."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from marketkit.cli.command import Command, Family, no_arguments
from marketkit.cli.options import add_series, open_lake
from marketkit.cli.output import DONE, FAILED, Output

if TYPE_CHECKING:
    from marketkit.data.lake.lake import Lake

Answer = Callable[["Lake", argparse.Namespace, Output], int]
Arguments = Callable[[argparse.ArgumentParser], None]


def _view(name: str, text: str, answer: Answer, arguments: Arguments = no_arguments) -> Command:
    """Make the command that opens the lake and lets `answer` do the rest."""
    return Command(
        name, text, lambda options, output: answer(open_lake(options), options, output), arguments
    )


def _coverage_arguments(view: argparse.ArgumentParser) -> None:
    add_series(view)
    view.add_argument("--spans", action="store_true", help="each span, not their sums")


def _revisions_arguments(view: argparse.ArgumentParser) -> None:
    view.add_argument("symbols", nargs="*", help="all, if none is given")
    view.add_argument("--timeframe", help="all, if none is given")


def _repair_arguments(view: argparse.ArgumentParser) -> None:
    view.add_argument("--dry-run", action="store_true", help="only say what would be done")


def _name(view: argparse.ArgumentParser) -> None:
    view.add_argument("name")


def _thaw_arguments(view: argparse.ArgumentParser) -> None:
    _name(view)
    view.add_argument("into", type=Path)


def _diff_arguments(view: argparse.ArgumentParser) -> None:
    view.add_argument("a", help="a frozen set, or the folder of a lake")
    view.add_argument("b", nargs="?", help="another one; the lake as it is now, if none is given")
    view.add_argument("--symbols", nargs="+", help="all, if none is given")
    view.add_argument("--timeframe", help="all, if none is given")
    view.add_argument(
        "--by", choices=["slots", "series", "rows"], default="slots", help="what each row tells of"
    )


def _import_arguments(view: argparse.ArgumentParser) -> None:
    view.add_argument("path", type=Path)
    view.add_argument("--symbol", required=True)
    view.add_argument("--timeframe", required=True)
    view.add_argument("--tz", help="the zone of times that say none")
    view.add_argument(
        "--covering",
        choices=["rows", "range"],
        default="rows",
        help="what the file proves: its rows, or all from the first to the last",
    )


def _export_arguments(view: argparse.ArgumentParser) -> None:
    view.add_argument("path", type=Path)
    add_series(view)
    view.add_argument("--overwrite", action="store_true")


def _sql_arguments(view: argparse.ArgumentParser) -> None:
    view.add_argument("query")
    view.add_argument("--as-of", help="a frozen set instead of the lake as it is")


def _series(options: argparse.Namespace) -> tuple[Any, ...]:
    return options.symbols or None, options.timeframe, options.start, options.end


def _ls(lake: Lake, _: argparse.Namespace, output: Output) -> int:
    output.table(lake.catalog())
    return DONE


def _gaps(lake: Lake, options: argparse.Namespace, output: Output) -> int:
    output.table(lake.gaps(*_series(options)))
    return DONE


def _coverage(lake: Lake, options: argparse.Namespace, output: Output) -> int:
    from marketkit.data.lake.report.coverage import counts  # noqa: PLC0415 - slow, `--help` needs none

    spans = lake.coverage(*_series(options))
    output.table(spans if options.spans else counts(spans))
    return DONE


def _calendar(lake: Lake, options: argparse.Namespace, output: Output) -> int:
    output.table(lake.calendar(*_series(options)))
    return DONE


def _revisions(lake: Lake, options: argparse.Namespace, output: Output) -> int:
    output.table(lake.revisions(options.symbols or None, options.timeframe))
    return DONE


def _audit(lake: Lake, _: argparse.Namespace, output: Output) -> int:
    findings = lake.audit()
    output.table(findings)
    damage = set(findings["finding"]) - {"differs"}  # both are as the exchange gave them
    return FAILED if damage else DONE


def _repair(lake: Lake, options: argparse.Namespace, output: Output) -> int:
    output.table(lake.repair(dry_run=options.dry_run))
    return DONE


def _freeze(lake: Lake, options: argparse.Namespace, output: Output) -> int:
    lake.freeze(options.name)
    return _frozen(lake, options, output)


def _frozen(lake: Lake, _: argparse.Namespace, output: Output) -> int:
    output.table(lake.frozen())
    return DONE


def _verify(lake: Lake, options: argparse.Namespace, output: Output) -> int:
    broken = lake.verify(options.name)
    output.table(broken)
    return FAILED if broken.height else DONE


def _cite(lake: Lake, options: argparse.Namespace, output: Output) -> int:
    entry = lake.cite(options.name)
    output.say(entry)
    output.value(bibtex=entry)
    return DONE


def _delete(lake: Lake, options: argparse.Namespace, output: Output) -> int:
    lake.delete(options.name)
    return _frozen(lake, options, output)


def _publish(lake: Lake, options: argparse.Namespace, output: Output) -> int:
    table = lake.publish(options.name)
    output.say(f"a Delta table: {table}")
    output.value(table=str(table))
    return DONE


def _thaw(lake: Lake, options: argparse.Namespace, output: Output) -> int:
    output.table(lake.thaw(options.name, options.into).catalog())
    return DONE


def _diff(lake: Lake, options: argparse.Namespace, output: Output) -> int:
    compare = partial(
        lake.diff, options.a, options.b, symbols=options.symbols, timeframe=options.timeframe
    )
    found = compare(by=options.by)
    output.table(found)
    # What only one of them knows has no rows to tell of.
    return FAILED if found.height or compare(by="series").height else DONE


def _import(lake: Lake, options: argparse.Namespace, output: Output) -> int:
    taken = lake.import_(
        options.path,
        symbol=options.symbol,
        timeframe=options.timeframe,
        tz=options.tz,
        covering=options.covering,
    )
    output.say(str(taken))
    output.value(
        rows=taken.rows,
        distinct=taken.distinct,
        changed=taken.changed,
        revisions=taken.revisions,
        slots=taken.slots,
    )
    return DONE


def _export(lake: Lake, options: argparse.Namespace, output: Output) -> int:
    rows = lake.export(options.path, *_series(options), overwrite=options.overwrite)
    output.say(f"{rows:,} candles in {options.path}")
    output.value(rows=rows, path=str(options.path))
    return DONE


def _sql(lake: Lake, options: argparse.Namespace, output: Output) -> int:
    output.table(lake.sql(options.query, as_of=options.as_of))
    return DONE


COMMAND = Family(
    "lake",
    "Look into the candle lake and keep it.",
    (
        _view("ls", "what the lake holds", _ls),
        _view("gaps", "spans that nobody asked the exchange about", _gaps, add_series),
        _view(
            "coverage",
            "how many slots traded, are proved empty or unknown",
            _coverage,
            _coverage_arguments,
        ),
        _view("calendar", "the share of each state, by symbol and day", _calendar, add_series),
        _view(
            "revisions",
            "candles that the exchange changed afterwards",
            _revisions,
            _revisions_arguments,
        ),
        _view(
            "audit",
            "compare files, footers and index; changes nothing; exit 1 if any is off",
            _audit,
        ),
        _view(
            "repair",
            "mend what needs no guessing; the rest becomes unknown",
            _repair,
            _repair_arguments,
        ),
        _view("freeze", "keep the lake as it is now under a name", _freeze, _name),
        _view(
            "verify",
            "compare a frozen set with its manifest; exit 1 if it differs",
            _verify,
            _name,
        ),
        _view(
            "diff",
            "what differs between frozen sets or lakes; exit 1 if anything does",
            _diff,
            _diff_arguments,
        ),
        _view("cite", "a BibTeX entry for a frozen set", _cite, _name),
        _view("delete", "remove a frozen set", _delete, _name),
        _view("publish", "write a Delta log over a frozen set, for other engines", _publish, _name),
        _view("frozen", "the frozen sets", _frozen),
        _view("thaw", "make a new lake from a frozen set", _thaw, _thaw_arguments),
        _view("import", "take candles from a CSV or Parquet file", _import, _import_arguments),
        _view(
            "export",
            "write candles to a .csv, .parquet or .arrow file",
            _export,
            _export_arguments,
        ),
        _view("sql", "ask DuckDB: select ... from candles", _sql, _sql_arguments),
    ),
)
