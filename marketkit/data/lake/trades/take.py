"""The trades of another lake come in: with their proof, and the log of changes there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import polars as pl

from marketkit.coverage import Span, Spans
from marketkit.data.lake.store.rows import within
from marketkit.data.lake.store.write import only_writer
from marketkit.data.lake.trades.day import DayFooter, read_day
from marketkit.data.lake.trades.days import entries_of
from marketkit.data.lake.trades.diff import differences
from marketkit.data.lake.trades.layout import TradeSeries, days_of
from marketkit.data.lake.trades.log import record
from marketkit.data.lake.trades.store import TradeStore
from marketkit.disk import make_folder


class TradesTaken(NamedTuple):
    """The counts of one market: trades that are new here, and days that both lakes know.

    `hull` holds the times that were not known, which `days` are parts of; `differing` are days that
    both know and tell differently.
    """

    symbol: str
    hull: Span | None
    days: int
    trades: int
    differing: int
    revisions: int
    history: int


class _Day(NamedTuple):
    rows: pl.DataFrame
    footer: DayFooter
    fresh: Spans


def take_trades_of(
    lake: TradeStore, other: TradeStore, symbol: str, *, replaces: bool, dry_run: bool
) -> TradesTaken:
    """Take in a market's trades of the other lake; where both know, the other `replaces` ours.

    All of it is read and compared before anything is written. Raises `CorruptFile`.
    """
    known = lake.covered(symbol)
    days = list(_days(other, symbol, known))
    fresh = Spans(span for day in days for span in day.fresh)
    trades = sum(int(within(day.rows["time"], day.fresh).sum()) for day in days)
    both = [each for each in differences(lake, other, symbol) if not each.kind.startswith("only")]
    history = _news(lake, other, symbol)
    revisions = 0 if dry_run else _write(lake, symbol, days, history, replaces=replaces)
    return TradesTaken(
        symbol,
        fresh.hull,
        sum(1 for _ in days_of(fresh)),
        trades,
        len(both),
        revisions,
        history.height,
    )


def _days(other: TradeStore, symbol: str, known: Spans) -> Iterator[_Day]:
    series = TradeSeries(other.source, symbol)
    for entry in entries_of(other.root, series):
        rows, footer = read_day(other.root / series.path(entry.day), series)
        yield _Day(rows, footer, footer.covered - known)


def _news(lake: TradeStore, other: TradeStore, symbol: str) -> pl.DataFrame:
    """Give the lines of the other's log that this lake's has not."""
    ours, theirs = (each.revisions([symbol]) for each in (lake, other))
    return theirs.join(ours, on=theirs.columns, how="anti", nulls_equal=True)


def _write(
    lake: TradeStore, symbol: str, days: list[_Day], history: pl.DataFrame, *, replaces: bool
) -> int:
    _log(lake, symbol, history)
    revisions = 0
    for day in days:
        covering = day.footer.covered if replaces else day.fresh
        if covering:
            written = lake.append(
                symbol,
                day.rows.filter(within(day.rows["time"], covering)),
                covering,
                # Asked again under the lock: a job may have learned more a moment ago.
                only_unknown=not replaces,
                archive=day.footer.archive,
            )
            revisions += written.revisions
    return revisions


def _log(lake: TradeStore, symbol: str, history: pl.DataFrame) -> None:
    """Put the past of trades on record before the trades come."""
    series = TradeSeries(lake.source, symbol)
    if history.is_empty():
        return
    with only_writer(lake.root, series):
        make_folder(lake.root / series.folder)
        told = history.with_columns(pl.col("seen_at").dt.epoch("ms"))
        for (seen_at,), rows in told.group_by("seen_at", maintain_order=True):
            record(lake.root, series, rows, int(str(seen_at)))
