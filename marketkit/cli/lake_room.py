"""`marketkit lake du` and `lake drop`: the room that a lake takes, and how to have some back."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from marketkit.cli.options import SYMBOLS, WIDTHS
from marketkit.cli.output import DONE, INCOMPLETE, Output
from marketkit.errors import InputError, LakeError

if TYPE_CHECKING:
    import polars as pl

    from marketkit.data.lake.lake import Lake


def disk_use_arguments(view: argparse.ArgumentParser) -> None:
    """Add the choice of sums."""
    said = "What to add up: each series, its quote currency, or its timeframe."
    ways = ["series", "quote", "timeframe"]
    view.add_argument("--by", choices=ways, default="series", help=said)


def disk_use(lake: Lake, options: argparse.Namespace, output: Output) -> int:
    """Print the room of the candles, and for people that of all else in the folder."""
    from marketkit.data.lake.report.usage import parts, usage  # noqa: PLC0415 - slow
    from marketkit.notebook import words  # noqa: PLC0415 - `--help` needs none

    used = usage(lake.catalog(), options.by)
    output.table(used if output.as_json else _readable(used))
    found = parts(lake.root)
    said = ", ".join(f"{part} {words.size(size)}" for part, size in found.items())
    output.say(f"{lake.root}: {words.size(sum(found.values()))} in all ({said or 'nothing yet'})")
    return DONE


def drop_arguments(view: argparse.ArgumentParser) -> None:
    """Add the series to drop; nothing is guessed."""
    view.add_argument("symbols", nargs="+", help=SYMBOLS)
    said = f"The width of the candles to remove: one of {' '.join(WIDTHS)}, or trade; it may also"
    said += " come last."
    view.add_argument("--timeframe", help=said)
    view.add_argument("--yes", action="store_true", help="Do not ask.")


def drop(lake: Lake, options: argparse.Namespace, output: Output) -> int:
    """Remove series after a yes."""
    import polars as pl  # noqa: PLC0415 - slow, `--help` needs none

    from marketkit.symbols import resolve  # noqa: PLC0415 - slow, `--help` needs none
    from marketkit.timeframe import parse_timeframe  # noqa: PLC0415 - as above

    if options.timeframe is None and options.symbols[-1] in {*WIDTHS, "trade"}:
        options.timeframe = options.symbols.pop()
    if not options.symbols or options.timeframe is None:
        options.refuse("say which series: symbols and a timeframe, such as KRW-BTC --timeframe 1m")
    name = options.timeframe
    name = name if name == "trade" else parse_timeframe(name).name
    held, failures = _held(lake, name)
    held = held.filter(timeframe=name)
    if (
        hidden := failures.pop("all trades" if name == "trade" else f"all {name}", None)
    ) is not None:
        raise hidden
    broken = [each.partition(" ")[0] for each in failures if each.endswith(f" {name}")]
    if held.is_empty() and not broken:
        what = "trades" if name == "trade" else f"candles of {name}"
        raise InputError(f"{lake.where} has no {what}: see `marketkit lake ls`")
    names = resolve(options.symbols, [*held["symbol"], *broken])
    what = _what(held.filter(pl.col("symbol").is_in(names)), names, name)
    _refuse_busy(lake, names, name)
    if not (options.yes or _agreed(what)):
        output.say("nothing was removed")
        return INCOMPLETE
    freed = lake.drop(names, name)
    output.say(f"removed {what}")
    output.value(symbols=names, timeframe=name, bytes=freed)
    return DONE


def _held(lake: Lake, timeframe: str) -> tuple[pl.DataFrame, dict[str, LakeError]]:
    """Give the catalog of what can be read, and failures by the names of the others."""
    from marketkit.data.lake.report.coverage import catalog, of_trades  # noqa: PLC0415 - slow
    from marketkit.data.lake.store.left_out import survey  # noqa: PLC0415 - as above
    from marketkit.data.lake.trades.days import survey as survey_trades  # noqa: PLC0415 - as above
    from marketkit.data.lake.trades.store import catalog as catalog_of_trades  # noqa: PLC0415 - as above

    if timeframe == "trade":
        found, broken = survey_trades(lake.root, lake.source)
        return of_trades(catalog_of_trades(found)), broken
    series, failures = survey(lake.index, [lake.source])
    return catalog(series.items()), failures


def _refuse_busy(lake: Lake, symbols: list[str], timeframe: str) -> None:
    """Refuse where a job at work would only fetch the series again."""
    from marketkit.data.jobs.catalog import at_work  # noqa: PLC0415 - slow

    busy = at_work(lake.root, timeframe)
    for symbol in symbols:
        if symbol in busy:
            raise LakeError(
                f"job {busy[symbol]} is at work on {symbol} {timeframe}:"
                f" `marketkit jobs cancel {busy[symbol]}` ends it"
            )


def _agreed(what: str) -> bool:
    if not sys.stdin.isatty():
        raise InputError(f"nobody is there to agree to remove {what}: add --yes")
    sys.stderr.write(f"Remove {what}, and all that is known of them? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _what(meant: pl.DataFrame, symbols: list[str], timeframe: str) -> str:
    """Name the series, and the size of their readable files."""
    from marketkit.notebook import words  # noqa: PLC0415 - `--help` needs none

    many = symbols[0] if len(symbols) == 1 else f"{len(symbols)} series"
    if meant.is_empty():
        return f"{many} {timeframe}: files that cannot be read"
    size = words.size(int(meant["bytes"].sum()))
    rows = "trades" if timeframe == "trade" else "candles"
    return f"{many} {timeframe}: {int(meant['rows'].sum()):,} {rows}, {size}"


def _readable(used: pl.DataFrame) -> pl.DataFrame:
    import polars as pl  # noqa: PLC0415 - slow, `--help` needs none

    from marketkit.notebook import words  # noqa: PLC0415 - as above

    sizes = pl.Series("size", [words.size(each) for each in used["bytes"]], pl.String)
    return used.with_columns(sizes).drop("bytes")
