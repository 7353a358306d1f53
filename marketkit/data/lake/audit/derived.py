"""The exchange's own wide candles against the sums of narrower ones, where both are there.

A difference is no damage: a day of the exchange may open at another price than its first hour.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import polars as pl

from marketkit.coverage import Span, Spans
from marketkit.data.lake.audit.findings import Finding
from marketkit.data.lake.audit.index import AuditedChunks
from marketkit.data.lake.format.layout import Series, edge_chunks
from marketkit.data.lake.read.view import aggregate
from marketkit.data.lake.store.scan import Files, read
from marketkit.errors import CorruptFile
from marketkit.timeframe import Timeframe, iso, narrower

_PRICES = ("open", "high", "low", "close")
_SUMS = ("volume", "value")
_AT_ONCE = 200_000  # narrow slots; their rows take some ten megabytes
_ROUNDED = 1e-8  # each number of the exchange has 8 places
_FLOATS = 1e-6  # and sums of floats are never exact


class _Stored:
    """The sound chunks of one series."""

    def __init__(self, root: Path, series: Series) -> None:
        self.root = root
        self.series = series
        self.covered = Spans()
        self._chunks: list[str] = []

    def add(self, chunk: str, covered: Spans, rows: int) -> None:
        """Take a chunk in."""
        self.covered |= covered
        if rows:
            self._chunks.append(chunk)

    def read(self, span: Span) -> pl.DataFrame:
        """Read the candles of a span."""
        low, high = edge_chunks(self.series.timeframe, span)
        within = [chunk for chunk in sorted(self._chunks) if low <= chunk <= high]
        paths = [self.root / self.series.path(chunk) for chunk in within]
        return read(Files(paths, span, self.series.symbol))


def compare(root: Path, chunks: AuditedChunks, broken: Collection[str]) -> Iterator[Finding]:
    """Give a finding for each pair of series of a symbol that do not add up.

    `broken` are the paths of files that something is wrong with; they are left out. Each slot is
    compared with the widest candles that make it.
    """
    for stored in _series(root, chunks, broken).values():
        for wide, own in stored.items():
            left = own.covered
            for each in narrower(wide):
                if each in stored:
                    slots = Spans(wide.whole(stored[each].covered)) & left
                    left -= slots
                    with suppress(CorruptFile):  # replaced meanwhile by one of a later time
                        yield from _differences(own, stored[each], slots)


def _series(
    root: Path, chunks: AuditedChunks, broken: Collection[str]
) -> Mapping[tuple[str, str], dict[Timeframe, _Stored]]:
    found: dict[tuple[str, str], dict[Timeframe, _Stored]] = {}
    for (_, name), chunk in chunks.items():
        series = chunk.series
        if chunk.said is not None and series.path(name) not in broken:
            widths = found.setdefault((series.source, series.symbol), {})
            stored = widths.setdefault(series.timeframe, _Stored(root, series))
            stored.add(name, chunk.said.covered, chunk.said.rows)
    return found


def _differences(own: _Stored, narrow: _Stored, slots: Spans) -> Iterator[Finding]:
    """Compare piece by piece, and sum up in one finding."""
    wide, parts = own.series.timeframe, narrow.series.timeframe
    compared, found = 0, []
    for span in _pieces(wide, parts, slots):
        made = aggregate(narrow.read(span), wide)
        found.append(differing(own.read(span), made, wide.width // parts.width))
        compared += wide.count(*span)
    rows = pl.concat(found) if found else pl.DataFrame()
    if rows.is_empty():
        return
    fields = ", ".join(name for name in (*_PRICES, *_SUMS) if rows[name].any())
    first = iso(int(rows["time"].dt.epoch("ms")[0]))
    yield Finding(
        own.series.folder,
        "differs",
        f"{rows.height:,} of {compared:,} slots are not what {parts} candles add up to ({fields}),"
        f" the first at {first}; both are as the exchange gave them",
        "left",
        own.series,
    )


def differing(own: pl.DataFrame, made: pl.DataFrame, parts: int) -> pl.DataFrame:
    """Give the times of candles that differ, and which of the numbers do.

    Prices are compared exactly, sums of `parts` candles but for their rounding. A candle that only
    one side has differs in everything.
    """
    both = own.join(made, on=["symbol", "time"], how="full", suffix="_made", coalesce=True)
    differ = {name: pl.col(name).ne_missing(pl.col(f"{name}_made")) for name in _PRICES}
    for name in _SUMS:
        apart = (pl.col(name) - pl.col(f"{name}_made")).abs()
        # Turnover that is not known cannot differ; in a slot that one side lacks the volume does.
        known = apart > _FLOATS * pl.col(name).abs() + _ROUNDED * parts
        differ[name] = known.fill_null(pl.col("close").is_null() | pl.col("close_made").is_null())
    told = both.sort("time").select("time", **differ)
    return told.filter(pl.any_horizontal(*differ))


def _pieces(wide: Timeframe, narrow: Timeframe, slots: Spans) -> Iterator[Span]:
    """Cut slots into spans that are read at a time."""
    step = max(1, _AT_ONCE * narrow.width // wide.width)
    for start, end in slots:
        for at in range(0, wide.count(start, end), step):
            yield Span(wide.shift(start, at), min(end, wide.shift(start, at + step)))
