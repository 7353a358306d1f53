"""The commands of `marketkit lake`: they look into the lake and keep it, and ask no exchange."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from marketkit.cli.options import add_series
from marketkit.cli.output import DONE, FAILED, Output
from marketkit.settings import lake_source, resolve_endpoint, resolve_lake

if TYPE_CHECKING:
    from marketkit.data.lake.lake import Lake

Run = Callable[["Lake", argparse.Namespace, Output], int]


def add_lake(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add `lake` and what it can do to the command line."""
    lake = commands.add_parser("lake", help="Look into the candle lake and keep it.")
    views = lake.add_subparsers(required=True, metavar="view")

    def add(name: str, run: Run, text: str) -> argparse.ArgumentParser:
        view: argparse.ArgumentParser = views.add_parser(
            name, parents=[common], help=text, description=text
        )
        view.set_defaults(run=lambda options, output: run(_lake(options), options, output))
        return view

    add("ls", _ls, "what the lake holds")
    add_series(add("gaps", _gaps, "spans that nobody asked the exchange about"))
    coverage = add("coverage", _coverage, "how many slots traded, are proved empty or unknown")
    add_series(coverage)
    coverage.add_argument("--spans", action="store_true", help="each span, not their sums")
    add_series(add("calendar", _calendar, "the share of each state, by symbol and day"))
    revisions = add("revisions", _revisions, "candles that the exchange changed afterwards")
    revisions.add_argument("symbols", nargs="*", help="all, if none is given")
    revisions.add_argument("--timeframe", help="all, if none is given")
    _add_keeping(add)
    _add_frozen(add)
    _add_moving(add)


def _add_keeping(add: Callable[[str, Run, str], argparse.ArgumentParser]) -> None:
    add("audit", _audit, "compare files, footers and index; changes nothing; exit 1 if any is off")
    repair = add("repair", _repair, "mend what needs no guessing; the rest becomes unknown")
    repair.add_argument("--dry-run", action="store_true", help="only say what would be done")


def _add_frozen(add: Callable[[str, Run, str], argparse.ArgumentParser]) -> None:
    for name, run, text in (
        ("freeze", _freeze, "keep the lake as it is now under a name"),
        ("verify", _verify, "compare a frozen set with its manifest; exit 1 if it differs"),
        ("cite", _cite, "a BibTeX entry for a frozen set"),
        ("delete", _delete, "remove a frozen set"),
        ("publish", _publish, "write a Delta log over a frozen set, for other engines"),
    ):
        add(name, run, text).add_argument("name")
    add("frozen", _frozen, "the frozen sets")
    thaw = add("thaw", _thaw, "make a new lake from a frozen set")
    thaw.add_argument("name")
    thaw.add_argument("into", type=Path)


def _add_moving(add: Callable[[str, Run, str], argparse.ArgumentParser]) -> None:
    taken = add("import", _import, "take candles from a CSV or Parquet file")
    taken.add_argument("path", type=Path)
    taken.add_argument("--symbol", required=True)
    taken.add_argument("--timeframe", required=True)
    taken.add_argument("--tz", help="the zone of times that say none")
    taken.add_argument(
        "--covering",
        choices=["rows", "range"],
        default="rows",
        help="what the file proves: its rows, or all from the first to the last",
    )
    given = add("export", _export, "write candles to a .csv, .parquet or .arrow file")
    given.add_argument("path", type=Path)
    add_series(given)
    given.add_argument("--overwrite", action="store_true")
    sql = add("sql", _sql, "ask DuckDB: select ... from candles")
    sql.add_argument("query")
    sql.add_argument("--as-of", help="a frozen set instead of the lake as it is")


def _lake(options: argparse.Namespace) -> Lake:
    from marketkit.data.lake.lake import Lake  # noqa: PLC0415 - slow, `--help` needs none

    endpoint = resolve_endpoint(options.endpoint, options.region)
    return Lake(resolve_lake(options.lake, endpoint), source=lake_source(endpoint))


def _asked(options: argparse.Namespace) -> tuple[Any, ...]:
    return options.symbols or None, options.timeframe, options.start, options.end


def _ls(lake: Lake, _: argparse.Namespace, output: Output) -> int:
    output.table(lake.catalog())
    return DONE


def _gaps(lake: Lake, options: argparse.Namespace, output: Output) -> int:
    output.table(lake.gaps(*_asked(options)))
    return DONE


def _coverage(lake: Lake, options: argparse.Namespace, output: Output) -> int:
    from marketkit.data.lake.report.coverage import counts  # noqa: PLC0415 - slow, `--help` needs none

    spans = lake.coverage(*_asked(options))
    output.table(spans if options.spans else counts(spans))
    return DONE


def _calendar(lake: Lake, options: argparse.Namespace, output: Output) -> int:
    output.table(lake.calendar(*_asked(options)))
    return DONE


def _revisions(lake: Lake, options: argparse.Namespace, output: Output) -> int:
    output.table(lake.revisions(options.symbols or None, options.timeframe))
    return DONE


def _audit(lake: Lake, _: argparse.Namespace, output: Output) -> int:
    findings = lake.audit()
    output.table(findings)
    return FAILED if findings.height else DONE


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
    rows = lake.export(options.path, *_asked(options), overwrite=options.overwrite)
    output.say(f"{rows:,} candles in {options.path}")
    output.value(rows=rows, path=str(options.path))
    return DONE


def _sql(lake: Lake, options: argparse.Namespace, output: Output) -> int:
    output.table(lake.sql(options.query, as_of=options.as_of))
    return DONE
