"""Rows of one time in one file or several: repetitions dropped, contradictions decided. Pure."""

from __future__ import annotations

import polars as pl

from marketkit.data.lake.store.rows import times_of
from marketkit.data.lake.transfer.kinds import EMPTY
from marketkit.data.lake.transfer.sheet import Faults, Tables
from marketkit.data.lake.transfer.terms import Duplicates
from marketkit.schema import NUMBERS
from marketkit.timeframe import iso

_SAID = ("open", "high", "low", "close", "volume")


def distinct(
    rows: pl.DataFrame, tables: Tables, duplicates: Duplicates
) -> tuple[pl.DataFrame, Faults]:
    """Sort rows with kinds by time, and give each time once.

    A row that lacks the turnover of another, and differs in nothing else, is a repetition. Of two
    that differ `duplicates` says which counts, in the order of the files; or that neither does,
    which refuses the file of the later one.
    """
    if (times_of(rows).diff() > 0).all():
        return rows, {}
    rows = rows.sort("time", maintain_order=True)
    doubled = rows["time"].is_duplicated()
    if not doubled.any():
        return rows, {}
    several = _as_said(rows.filter(doubled)).unique(
        ["time", "kind", *_SAID, "value"], keep="first", maintain_order=True
    )
    twice = several.filter(several["time"].is_duplicated())
    faults = _faults(twice, tables) if duplicates == "error" and twice.height else {}
    kept = several.unique("time", keep="last" if duplicates == "last" else "first")
    return pl.concat([rows.filter(~doubled), kept]).sort("time"), faults


def _as_said(rows: pl.DataFrame) -> pl.DataFrame:
    """Give rows that say the same the same numbers: nothing traded, or one turnover of both."""
    nothing = pl.col("kind") == EMPTY
    bare = rows.with_columns(
        pl.when(nothing).then(None).otherwise(pl.col(name)).alias(name) for name in NUMBERS
    )
    known = pl.col("value").drop_nulls().first().over("time", "kind", *_SAID)
    return bare.with_columns(value=pl.col("value").fill_null(known))


def _faults(twice: pl.DataFrame, tables: Tables) -> Faults:
    """Name the files of rows that contradict earlier ones."""
    faults: Faults = {}
    for (_,), rows in twice.group_by("time", maintain_order=True):
        first = rows.row(0, named=True)
        for other in rows.iter_rows(named=True):
            if other["row"] == first["row"] and other["file"] == first["file"]:
                continue
            where = "" if other["file"] == first["file"] else f" of {tables[first['file']].path}"
            faults.setdefault(
                other["file"],
                f"has two different candles of {iso(times_of(rows)[0])}: row {first['row']}{where}"
                f" {_numbers(first)} and row {other['row']} {_numbers(other)}:"
                " say duplicates='first' or 'last'",
            )
    return faults


def _numbers(row: dict[str, object]) -> str:
    return f"({', '.join(str(row[name]) for name in NUMBERS)})"
