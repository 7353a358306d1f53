"""`marketkit lake ...`: look into the candle lake and maintain the files; no exchange is asked."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from marketkit.cli.command import PARTS, Command, Family, no_arguments
from marketkit.cli.lake_care import audit, audit_arguments, repair, repair_arguments
from marketkit.cli.lake_import import import_arguments, import_candles
from marketkit.cli.lake_judge import quality, quality_arguments
from marketkit.cli.lake_merge import merge, merge_arguments, pull, push, shared_arguments
from marketkit.cli.lake_room import disk_use, disk_use_arguments, drop, drop_arguments
from marketkit.cli.lake_table import table, table_arguments, vacuum
from marketkit.cli.options import add_series, add_timeframe, letters, open_lake, path
from marketkit.cli.output import DONE, FAILED, Output
from marketkit.cli.texts import LAKE

if TYPE_CHECKING:
    from marketkit.data.lake.lake import Lake

Answer = Callable[["Lake", argparse.Namespace, Output], int]
Arguments = Callable[[argparse.ArgumentParser], None]

# Commands about all series give those that can be read, and say which are left out.
_OF_MANY = {
    *("ls", "gaps", "coverage", "calendar", "quality", "revisions", "du", "freeze", "diff"),
    *("export", "sql"),
}


def _view(name: str, answer: Answer, arguments: Arguments = no_arguments) -> Command:
    """Make the command that opens the lake and lets `answer` do the rest."""
    said = LAKE[name]
    return Command(
        name,
        said.text,
        lambda options, output: answer(open_lake(options), options, output),
        arguments,
        example=said.example,
        codes={**(PARTS if name in _OF_MANY else {}), **said.codes},
    )


def _coverage_arguments(view: argparse.ArgumentParser) -> None:
    add_series(view)
    view.add_argument("--spans", action="store_true", help="Print each span, not their sums.")


def _revisions_arguments(view: argparse.ArgumentParser) -> None:
    view.add_argument("symbols", nargs="*", help="Codes such as KRW-BTC; all, if none is given.")
    add_timeframe(view, default=None)


def _name(view: argparse.ArgumentParser) -> None:
    view.add_argument("name", help="The name of the frozen set.")


def _thaw_arguments(view: argparse.ArgumentParser) -> None:
    _name(view)
    view.add_argument("into", type=path, help="The folder of the new lake; it must be empty.")


def _diff_arguments(view: argparse.ArgumentParser) -> None:
    add = view.add_argument
    add("a", help="A frozen set, or the folder of a lake.")
    add("b", nargs="?", help="Another one; the lake as it is now, if none is given.")
    add("--symbols", nargs="+", help="Codes or globs of markets; all, if none is given.")
    add("--timeframe", help="The width of candles, such as 1m; all, if none is given.")
    said = "What a row tells of: a span of slots, a series, or a candle."
    add("--by", choices=["slots", "series", "rows"], default="slots", help=said)


def _export_arguments(view: argparse.ArgumentParser) -> None:
    view.add_argument("path", type=path, help="The file; the suffix says the format.")
    add_series(view)
    said = "Replace a file that is there already."
    view.add_argument("--overwrite", action="store_true", help=said)


def _sql_arguments(view: argparse.ArgumentParser) -> None:
    view.add_argument("query", type=letters, help="The question, quoted.")
    said = "Read a frozen set instead of the lake as it is."
    view.add_argument("--as-of", metavar="NAME", help=said)


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
    "Look into the candle lake and keep it. No exchange is asked.",
    (
        _view("ls", _ls),
        _view("gaps", _gaps, add_series),
        _view("coverage", _coverage, _coverage_arguments),
        _view("calendar", _calendar, add_series),
        _view("quality", quality, quality_arguments),
        _view("revisions", _revisions, _revisions_arguments),
        _view("audit", audit, audit_arguments),
        _view("repair", repair, repair_arguments),
        _view("du", disk_use, disk_use_arguments),
        _view("drop", drop, drop_arguments),
        _view("freeze", _freeze, _name),
        _view("verify", _verify, _name),
        _view("diff", _diff, _diff_arguments),
        _view("cite", _cite, _name),
        _view("delete", _delete, _name),
        _view("publish", _publish, _name),
        _view("table", table, table_arguments),
        _view("vacuum", vacuum),
        _view("frozen", _frozen),
        _view("thaw", _thaw, _thaw_arguments),
        _view("import", import_candles, import_arguments),
        _view("merge", merge, merge_arguments),
        _view("push", push, shared_arguments),
        _view("pull", pull, shared_arguments),
        _view("export", _export, _export_arguments),
        _view("sql", _sql, _sql_arguments),
    ),
    example=LAKE["ls"].example,
)
