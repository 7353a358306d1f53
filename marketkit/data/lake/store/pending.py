"""Chunks and the pages that wait to be merged, put together. Pure."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import polars as pl

from marketkit.coverage import Span, Spans
from marketkit.data.lake.format.chunk import Entry, Footer
from marketkit.data.lake.format.journal import Record
from marketkit.data.lake.store.merge import Revision, together
from marketkit.data.lake.store.revisions import Logged
from marketkit.data.lake.store.rows import inside, only
from marketkit.schema import ROW, empty

_NO_ROWS = empty(ROW)


@dataclass(frozen=True)
class Patched(Entry):
    """A chunk on disk with waiting pages; the footer tells of both together."""

    symbol: str = ""
    pages: tuple[Record, ...] = ()

    @functools.cached_property
    def _own(self) -> tuple[pl.DataFrame, Spans]:
        slots = told_of(self.pages)
        return newest_of(self.pages, slots, self.symbol)[0], slots

    def over(self, rows: pl.DataFrame, window: Span | None = None) -> pl.DataFrame:
        """Put the pages over the rows of the chunk, of a range where only that was read."""
        new, slots = self._own
        return together(rows, new if window is None else inside(new, *window), slots)


def told_of(pages: Iterable[Record]) -> Spans:
    """Give the slots that pages tell of."""
    return Spans(span for page in pages for span in page.covered)


def told(pages: Sequence[Record], symbol: str, rows: pl.DataFrame) -> pl.DataFrame:
    """Put pages over the rows of a chunk; both are sorted by time."""
    slots = told_of(pages)
    return together(rows, newest_of(pages, slots, symbol)[0], slots) if pages else rows


def newest_of(pages: Sequence[Record], slots: Spans, symbol: str) -> tuple[pl.DataFrame, Spans]:
    """Give the rows that pages have for some slots, sorted by time: of a slot the newest counts.

    Second come the slots that no page tells of.
    """
    parts = list[pl.DataFrame]()
    for page in reversed(pages):
        if here := page.covered & slots:
            parts.append(only(page.rows(symbol), here))
            slots = slots - here
    if len(parts) > 1:
        return pl.concat(parts).sort("time"), slots
    return parts[0] if parts else _NO_ROWS, slots


def covered_with(pages: Iterable[Record], covered: Spans) -> Spans:
    """Give the slots covered with pages; slots of a rotten page are unknown from there on."""
    for page in pages:
        covered = covered - page.covered if page.columns is None else covered | page.covered
    return covered


def patched(entry: Entry, footer: Footer, symbol: str, pages: Sequence[Record]) -> Entry:
    """Give a chunk with waiting pages; `footer` is the one in the file."""
    if not pages:
        return entry
    end, covered = pages[-1], covered_with(pages, footer.covered)
    both = replace(footer, covered=covered, rows=end.total, first=end.first, last=end.last)
    return Patched(entry.chunk, entry.stamp, both, entry.sha256, symbol, tuple(pages))


def revised(pages: Iterable[Record]) -> list[Logged]:
    """Give the revisions of pages, and when each was seen."""
    sound = (page for page in pages if page.columns is not None)
    return [(Revision(*each), page.seen_at) for page in sound for each in page.revised]
