"""How trades enter the lake: one writer at a time for each market, each day all or nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import polars as pl

from marketkit.coverage import Span, Spans
from marketkit.data.lake.format import marker
from marketkit.data.lake.format.seal import Broken
from marketkit.data.lake.format.strangers import sweep
from marketkit.data.lake.store.aside import Aside
from marketkit.data.lake.store.rows import inside, within
from marketkit.data.lake.store.write import only_writer
from marketkit.data.lake.trades.day import (
    STORED,
    DayEntry,
    DayFooter,
    describe,
    read_day,
    read_footer,
    write_day,
)
from marketkit.data.lake.trades.days import entries_of
from marketkit.data.lake.trades.layout import TradeSeries, day_span, days_of
from marketkit.data.lake.trades.log import record
from marketkit.data.lake.trades.merge import merge
from marketkit.data.lake.trades.rows import TradePage, checked
from marketkit.disk import make_folder
from marketkit.errors import CorruptFile, LakeError, NotWritable
from marketkit.schema import empty


class TradesWritten(NamedTuple):
    """How many trades were new or told more, and how many came or went though proved before."""

    rows: int
    revisions: int


def write_trades(
    root: Path, series: TradeSeries, page: TradePage, seen_at: int, *, only_unknown: bool = False
) -> TradesWritten:
    """Keep a page that was answered at `seen_at`; with `only_unknown` the part not known before.

    Everything is checked before anything is written; under the lock each day is compared with its
    seal, read and merged, what changed of it is logged, and it is replaced with its coverage in one
    step.
    """
    page = checked(series.symbol, page)
    if not page.covering:
        return TradesWritten(0, 0)
    try:
        marker.prepare(root)
        with only_writer(root, series):
            return _merge_page(root, series, page, seen_at, only_unknown=only_unknown)
    except LakeError:
        raise
    except OSError as error:
        raise NotWritable(f"the lake {root} cannot be written: {error}") from error


def _merge_page(
    root: Path, series: TradeSeries, page: TradePage, seen_at: int, *, only_unknown: bool
) -> TradesWritten:
    # asked here, under the lock: a job may have learned more a moment ago
    entries = {entry.day: entry for entry in _entries(root, series, page.covering)}
    if only_unknown:
        page = _unknown_part(page, entries)
    make_folder(root / series.folder)
    sweep(root / series.folder)
    counts = [TradesWritten(0, 0)]
    for day, covering in days_of(page.covering):
        part = _part(page, day_span(day), covering)
        counts.append(_merge_day(root, series, day, part, seen_at=seen_at, here=entries.get(day)))
    return TradesWritten(*map(sum, zip(*counts, strict=True)))


def _part(page: TradePage, span: Span, covering: Spans) -> TradePage:
    return TradePage(inside(page.rows, *span), covering, page.archive.within(span))


def _unknown_part(page: TradePage, entries: Mapping[str, DayEntry]) -> TradePage:
    known = Spans(span for entry in entries.values() for span in entry.footer.covered)
    unknown = page.covering - known
    if unknown == page.covering:
        return page
    return replace(
        page, rows=page.rows.filter(within(page.rows["time"], unknown)), covering=unknown
    )


def _merge_day(
    root: Path,
    series: TradeSeries,
    day: str,
    part: TradePage,
    *,
    seen_at: int,
    here: DayEntry | None,
) -> TradesWritten:
    """Merge a part into a day; without anything new the file stays untouched."""
    path = root / series.path(day)
    if here is None and os.path.lexists(path):  # the stand-in of a file: kept, never written over
        Aside(root).move(path)
    old, said = (empty(STORED), None) if here is None else read_sound(root, series, day)
    covered = Spans() if said is None else said.covered
    rows, changed, revised = merge(old, part.rows, part.covering, covered)
    archive = part.archive if said is None else said.archive.then(part.archive)
    footer = describe(rows, covered | part.covering, archive)
    if footer == said and rows is old:
        return TradesWritten(0, 0)
    record(root, series, revised, seen_at)  # what is about to be lost must be on record first
    write_day(path, rows, footer, series)
    return TradesWritten(changed, revised.height)


def read_sound(root: Path, series: TradeSeries, day: str) -> tuple[pl.DataFrame, DayFooter]:
    """Read a day before a merge; a rotten one is set aside, and that day becomes unknown.

    Only the holder of the series' lock may. Raises `CorruptFile` naming both places.
    """
    path = root / series.path(day)
    try:
        return read_day(path, series)
    except CorruptFile as error:
        raise _set_aside(root, path, error) from error


def _entries(root: Path, series: TradeSeries, covering: Spans) -> list[DayEntry]:
    """List the days that a page meets; one whose footer rotted is set aside."""
    days = [day for day, _ in days_of(covering)]
    try:
        return entries_of(root, series, days)
    except CorruptFile:
        for path in (root / series.path(day) for day in days):
            try:
                read_footer(path, series)
            except FileNotFoundError:
                continue
            except CorruptFile as error:
                if isinstance(error.__cause__, Broken):  # ours once; others are for a person
                    raise _set_aside(root, path, error) from error
        raise


def _set_aside(root: Path, path: Path, error: CorruptFile) -> CorruptFile:
    """Take a damaged day out of the lake, and give the error that says so."""
    kept = Aside(root).move(path)
    return CorruptFile(
        f"{error};\nthe bytes are kept as {kept}, the day is unknown: backfill it again"
    )
