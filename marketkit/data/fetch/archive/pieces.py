"""Files of one group on their way into the lake: read, and written chunk by chunk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from marketkit.coverage import Spans
from marketkit.data.fetch.archive.later import seen_later, told_at
from marketkit.data.fetch.archive.rows import read_candles
from marketkit.data.lake.format.layout import Series, chunk_span, cut
from marketkit.data.lake.format.provenance import Check, Provenance, Source
from marketkit.data.lake.lake import Lake
from marketkit.data.lake.store.rows import CandlePage, checked, inside, within
from marketkit.data.lake.store.write import Written
from marketkit.errors import InputError
from marketkit.net.archive.download import Fetched
from marketkit.schema import ROW


@dataclass(frozen=True, slots=True)
class Piece:
    """The rows of one file, without the symbol, and the file itself."""

    fetched: Fetched
    rows: pl.DataFrame

    @property
    def spans(self) -> Spans:
        """The slots that the file proves: all of the period in the name."""
        return Spans([self.fetched.published.file.span])

    @property
    def source(self) -> Source:
        """The file in the words of a footer."""
        fetched, listed = self.fetched, self.fetched.published
        what = (listed.key, fetched.sha256, listed.size, listed.modified, fetched.at)
        return Source(*what, *listed.file.span)


def read_piece(fetched: Fetched, largest: int) -> Piece:
    """Read one file. Raises `BadResponse` that names the file."""
    return Piece(fetched, read_candles(fetched.path, fetched.published.file, largest))


def with_symbol(rows: pl.DataFrame, symbol: str) -> pl.DataFrame:
    """Give rows the columns of `schema.ROW`."""
    return rows.with_columns(symbol=pl.lit(symbol)).select(*ROW)


def rows_of(pieces: Sequence[Piece]) -> pl.DataFrame:
    """Put the rows of files in the order of time together."""
    return pl.concat([each.rows for each in pieces], rechunk=False)


def write_pieces(
    lake: Lake, series: Series, pieces: Sequence[Piece], checks: Sequence[Check]
) -> Written:
    """Write files in the order of time, each chunk once, with the proof of their periods.

    Of slots that somebody saw later they tell nothing: see `later`.

    Raises `InputError` for impossible candles, before anything of that chunk is written, and what
    `Lake.append` raises.
    """
    covering = Spans(span for each in pieces for span in each.spans)
    sources = tuple(each.source for each in pieces)
    archive = Provenance(sources, tuple(checks))
    seen_at = max(map(told_at, sources))
    rows, counts = rows_of(pieces), [Written(0, 0)]
    if later := seen_later(lake, series, sources):
        covering -= later
        rows = rows.filter(within(rows["time"], covering))
    name = (series.symbol, series.timeframe)
    for chunk, part in cut(series.timeframe, covering).items():
        span = chunk_span(series.timeframe, chunk)
        told = with_symbol(inside(rows, *span), series.symbol)
        origin = archive.within(span)
        counts.append(lake.append(*name, told, part, seen_at=seen_at, archive=origin))
    return Written(*map(sum, zip(*counts, strict=True)))


def broken(series: Series, pieces: Sequence[Piece]) -> dict[str, str]:
    """Name the files with impossible candles, by key, each with the broken rule."""
    found: dict[str, str] = {}
    for each in pieces:
        try:
            checked(series, CandlePage(with_symbol(each.rows, series.symbol), each.spans))
        except InputError as error:
            found[each.source.key] = str(error)
    return found
