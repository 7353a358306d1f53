"""The rules that trades must obey to enter the lake, and the order in the lake. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

import polars as pl

from marketkit.coverage import Spans
from marketkit.data.lake.format.provenance import NO_ARCHIVE, Provenance
from marketkit.data.lake.store.rows import within
from marketkit.data.lake.trades.day import STORED
from marketkit.errors import InputError
from marketkit.schema import TRADE
from marketkit.timeframe import iso
from marketkit.window import EVER

_KEYS = ("symbol", "time", "price", "volume", "side")
_NUMBERS = ("price", "volume", "prev_close", "change_price")


@dataclass(frozen=True, slots=True)
class TradePage:
    """Trades of one symbol, the times in which none is missing, and the files behind.

    `rows` has the columns of `schema.TRADE` and may have `seq`, the order of the trades of one
    millisecond; without it `sequential_id` gives that, and where there is none the order of rows.
    """

    rows: pl.DataFrame
    covering: Spans
    archive: Provenance = NO_ARCHIVE


def checked(symbol: str, page: TradePage) -> TradePage:
    """Give the page with rows of `day.STORED`, in order.

    Raises `InputError` naming the first row that is no possible trade of the symbol or that lies
    outside of the covering.
    """
    hull = page.covering.hull
    if hull is not None and (hull.start < EVER.start or hull.end > EVER.end):
        raise InputError(
            f"covering {iso(hull.start)} to {iso(hull.end)} lies outside the years 1970 to 9998"
        )
    rows = _shaped(symbol, page.rows)
    rules = breaches(symbol)
    hits = rows.select(broken.any().alias(rule) for rule, broken in rules.items())
    for rule, hit in hits.row(0, named=True).items():
        if hit:
            _refuse(rows.filter(rules[rule]), rule)
    inside = within(rows["time"], page.covering)
    if not inside.all():
        _refuse(rows.filter(~inside), "time lies outside the covering")
    return replace(page, rows=in_order(rows))


def breaches(symbol: str) -> dict[str, pl.Expr]:
    """Give for each rule of trades the rows that break the rule."""
    return {
        "a null": pl.any_horizontal(pl.col(*_KEYS).is_null()),
        f"symbol is not {symbol}": pl.col("symbol") != symbol,
        "a number that is not finite": pl.any_horizontal(~pl.col(*_NUMBERS).is_finite()),
        "a price that is not positive": pl.col("price") <= 0,
        "a negative volume": pl.col("volume") < 0,
    }


def in_order(rows: pl.DataFrame) -> pl.DataFrame:
    """Sort rows by time, within a millisecond by number; each known number is once."""
    known = rows.height - rows["sequential_id"].null_count()
    if known and rows["sequential_id"].n_unique() - (known < rows.height) < known:
        new = pl.col("sequential_id").is_first_distinct() | pl.col("sequential_id").is_null()
        rows = rows.filter(new)
    order = "seq" if rows["seq"].null_count() == 0 else "sequential_id"
    if not (rows["time"].is_sorted() and rows[order].is_sorted()):
        rows = rows.sort("time", order, nulls_last=True, maintain_order=True)
    return rows


def numbered(rows: pl.DataFrame) -> pl.DataFrame:
    """Number the rows of a day from 0."""
    return rows.with_columns(seq=pl.int_range(pl.len(), dtype=pl.Int64)).select(*STORED)


def _shaped(symbol: str, rows: pl.DataFrame) -> pl.DataFrame:
    """Give rows the columns of a stored day; columns that only some sources have may be missing."""
    if "symbol" not in rows.columns:
        rows = rows.with_columns(pl.lit(symbol).alias("symbol"))
    needed = {name: TRADE[name] for name in _KEYS}
    optional = {name: kind for name, kind in STORED.items() if name not in needed}
    has = dict(rows.schema)
    if not (needed.items() <= has.items() <= STORED.items()):
        raise InputError(f"rows must have the columns {dict(TRADE)}, not {has}")
    lacking = [pl.lit(None, kind).alias(name) for name, kind in optional.items() if name not in has]
    return rows.with_columns(lacking).select(*STORED)


def _refuse(rows: pl.DataFrame, rule: str) -> None:
    shown = {name: value for name, value in rows.row(0, named=True).items() if value is not None}
    raise InputError(f"{rows.height:,} trades refused: {rule}; the first is {shown}")
