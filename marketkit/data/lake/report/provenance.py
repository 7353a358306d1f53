"""The files of the archive that the rows of a lake came in, from the footers of the chunks."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import polars as pl

from marketkit.coverage import Span
from marketkit.data.lake.format.chunk import read_footer
from marketkit.data.lake.format.layout import Series, chunk_span
from marketkit.data.lake.format.provenance import NO_ARCHIVE, Check, Provenance, Source
from marketkit.data.lake.store.away import bring, reading
from marketkit.data.lake.store.store import Store
from marketkit.schema import TIME, Schema

PROVENANCE: Schema = {
    "symbol": pl.String(),
    "timeframe": pl.String(),
    "start": TIME,
    "end": TIME,
    "key": pl.String(),
    "sha256": pl.String(),
    "size": pl.Int64(),
    "modified": pl.String(),
    "fetched_at": TIME,
    "compared": pl.Int64(),
    "differing": pl.Int64(),
}


@dataclass(frozen=True, slots=True)
class SeriesProvenance:
    """The files and checks of one series in a range."""

    series: Series
    archive: Provenance

    def rows(self) -> Iterable[tuple[object, ...]]:
        """Give a row of `PROVENANCE` for each file."""
        for each in self.archive.sources:
            of = [check for check in self.archive.checks if _meets(check, each)]
            compared, differing = sum(x.slots for x in of), sum(x.differing for x in of)
            what = (each.key, each.sha256, each.size, each.modified, each.at)
            name, width = self.series.symbol, self.series.timeframe.name
            yield name, width, each.start, each.end, *what, compared, differing


def provenance_in(store: Store, series: Series, window: Span) -> Provenance:
    """Read the footers of a series for a range; of each chunk the file is opened.

    Raises `CorruptFile` for a chunk that cannot be read.
    """
    found = NO_ARCHIVE
    for entry in store.index.entries(series):
        start, end = chunk_span(series.timeframe, entry.chunk)
        if start < window.end and window.start < end:
            ((_, here),) = bring([(series, entry)])
            path = store.root / series.path(entry.chunk)
            with suppress(FileNotFoundError):  # replaced or removed since it was listed
                footer, _ = reading(here, partial(read_footer, path, series))
                found = found.then(footer.archive.within(window))
    return found


def frame(several: Iterable[SeriesProvenance]) -> pl.DataFrame:
    """Lay the files of series out as `PROVENANCE`."""
    rows = [row for each in several for row in each.rows()]
    return pl.DataFrame(rows, schema=dict(PROVENANCE), orient="row")


def _meets(check: Check, source: Source) -> bool:
    return source.start < check.end and check.start < source.end
