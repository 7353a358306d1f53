"""A lake beside files: the rows around the same time, and the numbers that differ."""

from __future__ import annotations

import polars as pl

from marketkit.coverage import Span, Spans
from marketkit.data.lake.store.knowledge import Knowledge
from marketkit.data.lake.store.rows import times_of, within
from marketkit.data.lake.store.store import Selection
from marketkit.data.lake.transfer.claims import Claim
from marketkit.data.lake.transfer.imported import DIFFERENCE
from marketkit.data.lake.transfer.strangers import SHIFT
from marketkit.schema import NUMBERS, ROW, empty
from marketkit.timeframe import Timeframe
from marketkit.window import EVER

_AROUND = 500  # slots on each side that show how a market moves


def rows_around(found: Selection, symbol: str, span: Span) -> pl.DataFrame:
    """Read the candles of a symbol in a span of time and around, with the nearest on each side.

    Those of nine hours before and after are there, too, for who took one zone for another.
    """
    reach = max(SHIFT, _AROUND * found.timeframe.width)
    low, high = max(EVER.start, span.start - reach), min(EVER.end, span.end + reach)
    rows = found.of([symbol]).read(Span(low, high))
    times = times_of(rows)
    frames = [rows]
    if not (times < span.start).any():
        frames.insert(0, _neighbour(found, symbol, Span(EVER.start, low)))
    if not (times >= span.end).any():
        frames.append(_neighbour(found, symbol, Span(high, EVER.end), last=False))
    return pl.concat(frames)


def _neighbour(found: Selection, symbol: str, span: Span, *, last: bool = True) -> pl.DataFrame:
    """Read the last candles of a span of time, or the first, from a single file."""
    footers = [entry.footer for entry in found.found[symbol][1] if entry.footer.rows]
    near = [
        Span(max(span.start, each.first), min(span.end, each.last + 1))
        for each in footers
        if each.first is not None and each.last is not None
        if each.first < span.end and each.last >= span.start
    ]
    if not near:
        return empty(ROW)
    rows = found.of([symbol]).read(max(near) if last else min(near))
    return rows.tail(_AROUND) if last else rows.head(_AROUND)


def differences(
    symbol: str, timeframe: Timeframe, claim: Claim, stored: pl.DataFrame, known: Knowledge
) -> pl.DataFrame:
    """List the numbers of files that differ from proved ones, as `DIFFERENCE`.

    `stored` has all candles of the lake in the slots that are claimed. A turnover that one side
    does not know is no difference.
    """
    both = claim.covering & known.proved
    if not both:
        return empty(DIFFERENCE)
    lake, file = (_inside(rows, both) for rows in (stored, claim.rows))
    if lake.equals(file):
        return empty(DIFFERENCE)
    met = lake.join(file, on="time", how="full", coalesce=True, suffix="_file").sort("time")
    told = [
        met.filter(_differs(name)).select(
            pl.lit(symbol).alias("symbol"),
            pl.lit(timeframe.name).alias("timeframe"),
            "time",
            pl.lit(name, DIFFERENCE["column"]).alias("column"),
            pl.col(name).alias("lake"),
            pl.col(f"{name}_file").alias("file"),
        )
        for name in NUMBERS
    ]
    return pl.concat(told).sort("time", maintain_order=True)


def _differs(name: str) -> pl.Expr:
    differs = pl.col(name).ne_missing(pl.col(f"{name}_file"))
    if name != "value":
        return differs
    lonely = pl.col("close").is_null() | pl.col("close_file").is_null()
    return differs & (lonely | pl.all_horizontal(pl.col("value", "value_file").is_not_null()))


def _inside(rows: pl.DataFrame, spans: Spans) -> pl.DataFrame:
    return rows.filter(within(rows["time"], spans)).select("time", *NUMBERS)
