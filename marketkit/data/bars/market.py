"""Bars of one market out of the market's trades. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import polars as pl
from polars.dataframe.group_by import DynamicGroupBy

from marketkit.coverage import Span
from marketkit.data.bars import slots
from marketkit.data.bars.kinds import AmountBars, TimeBars
from marketkit.data.bars.slots import Scope
from marketkit.data.lake.store.rows import within
from marketkit.schema import BAR, BAR_STATE, Schema, empty, exact

NEEDED = ("time", "price", "volume", "side", "sequential_id")
_DECIMAL = pl.Decimal(38, 8)  # as far as the exchange writes prices and volumes
_PLACES = 8
_CHUNK = 100_000  # amounts that are Python's own numbers at a time

_SUMS = {
    "open": pl.col("price").first(),
    "high": pl.col("price").max(),
    "low": pl.col("price").min(),
    "close": pl.col("price").last(),
    "volume": pl.col("volume").sum(),
    "value": (pl.col("price") * pl.col("volume")).sum(),
    "trades": pl.len(),
    "last": pl.col("time").last(),
}

# Floats add up to the last place of volumes as far as this; beyond it decimals do, far slower.
_LARGE = 1e6
_EXACT = pl.col("volume").cast(pl.String).cast(_DECIMAL).sum().cast(pl.String).cast(pl.Float64)
# A price and a volume have eight places each, their product sixteen.
_PRODUCTS = {"value": (pl.col("price").cast(pl.Decimal(38, 16)) * pl.col("volume")).sum()}


def columns(*, decimals: bool) -> Schema:
    """Give the columns of bars, with floats or with decimals."""
    return exact(BAR) if decimals else BAR


def _has_decimals(rows: pl.DataFrame, name: str = "price") -> bool:
    return rows.schema[name].is_decimal()


def in_order(trades: pl.DataFrame) -> pl.DataFrame:
    """Give the trades of a market by time, within a millisecond by number."""
    # Numbers grow with the time as a rule: then two looks tell what a sort would take longer for.
    if not (trades["time"].is_sorted() and trades["sequential_id"].is_sorted()):
        trades = trades.sort("time", "sequential_id", maintain_order=True)
    return trades.with_columns(pl.col("time").set_sorted())


def time_bars(trades: pl.DataFrame, kind: TimeBars, scope: Scope) -> pl.DataFrame:
    """Add trades in order up to the bars of the slots that begin in a window.

    A slot is `closed` where its trades are covered from end to end, `forming` where they are up to
    now; others have no bar. Columns are those of `schema.BAR` without the symbol.
    """
    start, end = (slots.ceil(kind, edge) for edge in scope.window)
    inside, width = between(trades, Span(start, end)), kind.width
    if kind.session is None:
        grouped = _added(inside, inside.group_by_dynamic("time", every=width.every))
    else:
        opens = slots.opens(kind, Span(start, end))
        place = opens.search_sorted(inside["time"], side="right").cast(pl.Int64) - 1
        grouped = _added(inside, _runs(inside, place))
        grouped = grouped.with_columns(time=opens.gather(grouped["run"]))
    young = slots.forming(kind, scope)
    known = within(grouped["time"], slots.whole(kind, scope.covered))
    now = grouped["time"].dt.epoch("ms").is_in([] if young is None else [young])
    return pl.concat(
        [_shaped(grouped.filter(known), "closed"), _shaped(grouped.filter(now), "forming")]
    )


def between(trades: pl.DataFrame, span: Span) -> pl.DataFrame:
    """Cut the trades of a span out of trades in order."""
    edges = pl.Series(span, dtype=pl.Int64)
    first, end = trades["time"].cast(pl.Int64).search_sorted(edges, side="left")
    return trades[first : max(first, end)]


def _runs(trades: pl.DataFrame, runs: pl.Series) -> DynamicGroupBy:
    """Group trades by ascending numbers, one slice each.

    Groups by hash would add floats up in an order that depends on the threads.
    """
    return trades.hstack([runs.alias("run").set_sorted()]).group_by_dynamic("run", every="1i")


def _added(trades: pl.DataFrame, groups: DynamicGroupBy, **more: pl.Expr) -> pl.DataFrame:
    """Add groups up, and again with exact sums where floats are too short for volumes."""
    if _has_decimals(trades):
        return groups.agg(**{**_SUMS, **_PRODUCTS}, **more)
    bars = groups.agg(**_SUMS, **more)
    if not (bars["volume"] > _LARGE).any():
        return bars
    return groups.agg(**{**_SUMS, "volume": _EXACT}, **more)


def amount_bars(trades: pl.DataFrame, kind: AmountBars, scope: Scope) -> pl.DataFrame:
    """Cut trades in order into the bars of an amount, from the beginning of a window on.

    Where trades may be missing bars begin anew, for none can hold what nobody knows. The last bar
    before that is not full and left out; the newest of all is `forming`. Columns are those of
    `schema.BAR` without the symbol.
    """
    frames = [empty(columns(decimals=_has_decimals(trades))).drop("symbol")]
    for span in scope.covered.clip(*scope.window):
        part = between(trades, span)
        grows = scope.at is not None and span.end >= min(scope.at, scope.window.end)
        frames += _cut(part, kind, grows=grows)
    return pl.concat(frames)


def _cut(trades: pl.DataFrame, kind: AmountBars, *, grows: bool) -> Iterator[pl.DataFrame]:
    """Cut trades of which none is missing between."""
    if kind.measure == "tick" and not kind.imbalance:
        ends: Sequence[int] = range(kind.units, trades.height + 1, kind.units)
    else:
        ends = full_at(_amounts(trades, kind), kind.units)
    places = pl.int_range(trades.height, dtype=pl.Int64, eager=True)
    bars = pl.Series(ends, dtype=pl.Int64).search_sorted(places, side="right").cast(pl.Int64)
    grouped = _added(trades, _runs(trades, bars), time=pl.col("time").first())
    yield _shaped(grouped.head(len(ends)), "closed")
    if grows:
        yield _shaped(grouped.slice(len(ends)), "forming")


def full_at(amounts: Iterable[int], enough: int) -> list[int]:
    """Give after how many amounts each bar is full: the sum, of either sign, is `enough` or more.

    >>> full_at([1, 1, -1, -1, -1, -1], 2)
    [2, 4, 6]
    """
    found, total = [], 0
    for count, amount in enumerate(amounts, 1):
        total += amount
        if total >= enough or -total >= enough:
            found.append(count)
            total = 0
    return found


def _amounts(trades: pl.DataFrame, kind: AmountBars) -> Iterator[int]:
    """Give the part of each trade in a bar, in units that all sums are exact in."""
    amount = pl.lit(1, dtype=pl.Int128)
    if kind.measure != "tick":
        amount = _units("volume")
    if kind.measure == "value":
        amount *= _units("price")
    if kind.imbalance:
        amount *= pl.when(pl.col("side") == "BID").then(1).otherwise(-1).cast(pl.Int128)
    for start in range(0, trades.height, _CHUNK):
        yield from trades[start : start + _CHUNK].select(_=amount).to_series().to_list()


def _units(name: str) -> pl.Expr:
    """Give numbers in the eighth place, of floats the shortest decimals that mean the same."""
    return pl.col(name).cast(pl.String).cast(_DECIMAL).to_physical().cast(pl.Int128)


def _shaped(grouped: pl.DataFrame, state: str) -> pl.DataFrame:
    """Give bars their columns; sums are rounded at the last place, as floats add noise."""
    sums = pl.col("volume", "value").round(_PLACES)
    bars = grouped.with_columns(sums, state=pl.lit(state, dtype=BAR_STATE))
    shape = columns(decimals=_has_decimals(grouped, "open"))
    return bars.select(pl.col(name).cast(kind) for name, kind in shape.items() if name != "symbol")
