"""Differences between the trades of two lakes, by day: known to one alone, or told otherwise."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

import polars as pl

from marketkit.coverage import Span, Spans
from marketkit.data.lake.store.met import Difference
from marketkit.data.lake.store.rows import within
from marketkit.data.lake.trades.day import DayEntry, DayFooter, read_day
from marketkit.data.lake.trades.days import entries_of
from marketkit.data.lake.trades.layout import TradeSeries
from marketkit.data.lake.trades.store import TradeStore

_SAME = ["time", "price", "volume", "side"]  # what a trade is, whoever tells of it


class DayDifference(NamedTuple):
    """A span of one UTC day that two lakes tell differently, and how."""

    span: Span
    kind: Difference


def symbols_of(stores: Collection[TradeStore], wanted: Collection[str] | None) -> list[str]:
    """List the markets with trades in any of some stores; only `wanted` ones, if any are named."""
    found = {symbol for store in stores for symbol in store.symbols()}
    return sorted(found if wanted is None else found & set(wanted))


def differences(a: TradeStore, b: TradeStore, symbol: str) -> Iterator[DayDifference]:
    """Give the days of a market of which two stores know or tell something else.

    A file that both share is not read, others one day at a time. What is compared are the times in
    which no trade is missing, and time, price, volume and side of each trade, in any order within a
    millisecond. Raises `CorruptFile`.
    """
    sides = [_Side(store, TradeSeries(store.source, symbol)) for store in (a, b)]
    left, right = (side.entries() for side in sides)
    for day in sorted(left.keys() | right.keys()):
        if day not in right:
            yield from (DayDifference(span, "only_a") for span in left[day].footer.covered)
        elif day not in left:
            yield from (DayDifference(span, "only_b") for span in right[day].footer.covered)
        elif not sides[0].path(day).samefile(sides[1].path(day)):
            yield from _of_day(sides[0].read(day), sides[1].read(day))


class _Side(NamedTuple):
    store: TradeStore
    series: TradeSeries

    def entries(self) -> dict[str, DayEntry]:
        return {each.day: each for each in entries_of(self.store.root, self.series)}

    def path(self, day: str) -> Path:
        return self.store.root / self.series.path(day)

    def read(self, day: str) -> tuple[pl.DataFrame, DayFooter]:
        return read_day(self.path(day), self.series)


def _of_day(
    a: tuple[pl.DataFrame, DayFooter], b: tuple[pl.DataFrame, DayFooter]
) -> Iterator[DayDifference]:
    (rows_a, footer_a), (rows_b, footer_b) = a, b
    both = footer_a.covered & footer_b.covered
    for span in footer_a.covered - both:
        yield DayDifference(span, "only_a")
    for span in footer_b.covered - both:
        yield DayDifference(span, "only_b")
    for span in both:
        ours, theirs = (_inside(rows, span) for rows in (rows_a, rows_b))
        if not ours.equals(theirs):
            kind: Difference = "changed"
            if ours.is_empty() or theirs.is_empty():
                kind = "appeared" if ours.is_empty() else "vanished"
            yield DayDifference(span, kind)


def _inside(rows: pl.DataFrame, span: Span) -> pl.DataFrame:
    """Give the trades of a span, in an order that depends on nothing but the trades."""
    return rows.filter(within(rows["time"], Spans([span]))).select(_SAME).sort(_SAME)
