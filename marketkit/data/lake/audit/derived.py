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
from marketkit.data.lake.audit.widths import apart, sentence, touched
from marketkit.data.lake.format.layout import Series, edge_chunks
from marketkit.data.lake.store.scan import Files, read
from marketkit.errors import CorruptFile
from marketkit.timeframe import Timeframe, narrower

_AT_ONCE = 200_000  # narrow slots; their rows take some ten megabytes


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
    compared with the widest candles that make it; where these tell of a part alone, a candle is
    not less than they are.
    """
    for stored in _series(root, chunks, broken).values():
        for wide, own in stored.items():
            left = own.covered
            for each in narrower(wide):
                if each in stored:
                    whole = Spans(wide.whole(stored[each].covered)) & left
                    slots = touched(stored[each].covered, wide) & left
                    left -= whole
                    with suppress(CorruptFile):  # replaced meanwhile by one of a later time
                        yield from _differences(own, stored[each], slots, whole)


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


def _differences(own: _Stored, narrow: _Stored, slots: Spans, whole: Spans) -> Iterator[Finding]:
    """Compare piece by piece, and sum up in one finding."""
    widths = own.series.timeframe, narrow.series.timeframe
    compared, found = 0, []
    for span in pieces(*widths, slots):
        found.append(apart(own.read(span), narrow.read(span), widths, whole))
        compared += widths[0].count(*span)
    rows = pl.concat(found) if found else pl.DataFrame()
    if rows.height:
        told = f"{sentence(rows, compared, widths[1])}; both are kept as they came"
        yield Finding(own.series.folder, "differs", told, "left", own.series)


def pieces(wide: Timeframe, narrow: Timeframe, slots: Spans) -> Iterator[Span]:
    """Cut slots into spans that are read at a time."""
    step = max(1, _AT_ONCE * narrow.width // wide.width)
    for start, end in slots:
        for at in range(0, wide.count(start, end), step):
            yield Span(wide.shift(start, at), min(end, wide.shift(start, at + step)))
