"""The rows of one market in several files: whose each row is, before anything is judged. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate

import polars as pl

from marketkit.data.lake.transfer.source_table import SourceTable
from marketkit.data.lake.transfer.terms import Terms
from marketkit.errors import MarketkitError
from marketkit.schema import NUMBERS
from marketkit.symbols import is_code

Tables = Mapping[int, SourceTable]
Faults = dict[int, str]  # of files, by their number: each refuses the file as a whole

_COLUMNS = ("file", "row", "time", *NUMBERS, "state")


@dataclass(frozen=True, slots=True)
class Sheet:
    """The rows of a market in files.

    `rows` are in the order of the files: `file` is the number of each, `row` the place in it from
    1, then time, numbers and state as read. `files` are all that speak of the market, the ones
    without any row, too.
    """

    symbol: str
    rows: pl.DataFrame
    files: tuple[int, ...]


class _Fault(MarketkitError):
    """A file is refused; the message lacks the name."""


def sheets_of(tables: Tables, terms: Terms) -> tuple[list[Sheet], Faults]:
    """Share the rows of files out to markets, in the order of their codes; name refused files."""
    parts: dict[str, list[tuple[int, pl.DataFrame]]] = {}
    faults: Faults = {}
    for file, table in tables.items():
        try:
            for symbol, rows in _markets(table, terms):
                parts.setdefault(symbol, []).append((file, rows))
        except _Fault as fault:
            faults[file] = str(fault)
    return [_sheet(symbol, some) for symbol, some in sorted(parts.items())], faults


def _sheet(symbol: str, parts: list[tuple[int, pl.DataFrame]]) -> Sheet:
    """Put the rows of files together and number all at once, for any number of files."""
    files, frames = zip(*parts, strict=True)
    if any("row" in rows.columns for rows in frames):
        frames = tuple(_numbered(rows) for rows in frames)
    lengths = [rows.height for rows in frames]
    runs = pl.DataFrame(
        {"file": files, "length": lengths, "before": [0, *accumulate(lengths)][:-1]},
        schema={"file": pl.UInt32, "length": pl.Int64, "before": pl.Int64},
    )
    each = runs.select(pl.col("file", "before").repeat_by("length").explode(empty_as_null=False))
    rows = pl.concat(frames).with_columns(each["file"])
    if "row" not in rows.columns:
        at = pl.int_range(1, pl.len() + 1)
        rows = rows.with_columns(row=(at - pl.lit(each["before"])).cast(pl.UInt32))
    return Sheet(symbol, rows.select(*_COLUMNS), files)


def _numbered(rows: pl.DataFrame) -> pl.DataFrame:
    return rows if "row" in rows.columns else rows.with_row_index("row", offset=1)


def _markets(table: SourceTable, terms: Terms) -> Iterator[tuple[str, pl.DataFrame]]:
    """Give the requested markets of a file with the rows of each; blank lines are no market."""
    rows = table.rows
    if rows["time"].null_count():
        rows = _numbered(rows).filter(
            ~pl.all_horizontal(pl.col("time", "symbol", *NUMBERS).is_null())
        )
    if rows["symbol"].null_count() == rows.height:
        yield _by_name(table, terms), rows
        return
    names = _said(rows)
    meant = terms.symbol or (names[0] if len(names) == 1 else None)
    _refuse_other_name(table, meant, terms)
    if terms.symbol is not None and terms.symbol not in names:
        raise _Fault(f"has candles of {', '.join(names[:5])}, not of {terms.symbol}")
    if len(names) == 1:
        yield names[0], rows
    elif terms.symbol is not None:
        yield terms.symbol, _numbered(rows).filter(pl.col("symbol") == terms.symbol)
    else:
        for part in _numbered(rows).partition_by("symbol", maintain_order=True):
            yield part["symbol"][0], part


def _by_name(table: SourceTable, terms: Terms) -> str:
    """Give the market of a file whose rows name none."""
    _refuse_other_name(table, terms.symbol, terms)
    symbol = terms.symbol or table.market
    if symbol is None:
        raise _Fault("names no market, neither in its rows nor in its name: say symbol='KRW-BTC'")
    return symbol


def _said(rows: pl.DataFrame) -> list[str]:
    """Name the markets that rows name; each row must name one."""
    said = rows["symbol"]
    if said.null_count():
        row = _numbered(rows)["row"].filter(said.is_null())[0]
        raise _Fault(f"row {row} names no market, other rows do: is it the sum of them all?")
    names = [said[0]] if (said == said[0]).all() else said.unique().sort().to_list()
    for name in names:
        if not is_code(name):
            row = _numbered(rows)["row"].filter(said == name)[0]
            raise _Fault(f"row {row} is of {name!r}, which is no market such as 'KRW-BTC'")
    return names


def _refuse_other_name(table: SourceTable, meant: str | None, terms: Terms) -> None:
    """Refuse a file whose name says another market than the one that is meant."""
    if terms.force or table.market is None or meant in (None, table.market):
        return
    raise _Fault(
        f"its name says {table.market}, not {meant}: pass force=True to take it all the same"
    )
